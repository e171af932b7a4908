package catalogue

// form is a kind of item, as templates of its texts; see voice.say. So that
// no word comes twice, titles and leads use the first two words of a slot, and
// what may follow uses the others.
type form struct {
	titles []string
	leads  []string // the first sentence of a description
	more   []string // what may follow it, in any order
}

var numbers = list("three, five, seven, nine, ten, twelve, twenty")

// forms are the kinds of items that every interest has.
var forms = []form{
	{ // things to buy
		titles: []string{
			"{brand} {adjective} {gear}",
			"{adjective} {gear}",
			"{adjective} {gear} by {brand}",
			"{adjective} {gear} with {gear2}",
			"{brand} {gear} and {gear2} set",
			"the {who}'s {gear}",
		},
		leads: []string{
			"{a adjective gear} for {name}, made by {brand}.",
			"{brand} makes this {gear} with {topic} in mind.",
			"everything a {who} asks of {a gear}, and nothing more.",
			"{a gear} that will see you through years of {name}.",
		},
		more: []string{
			"It pairs well with {a gear3} or {a adjective2 gear4}.",
			"Comes with a leaflet on {topic3}.",
			"A good companion for {doing} {setting}.",
			"Buyers praise it for {doing3}.",
		},
	},
	{ // guides
		titles: []string{
			"{doing}: a step-by-step guide",
			"a beginner's guide to {topic}",
			"understanding {topic}",
			"the {who}'s guide to {topic}",
			"{doing} and {doing2}",
			"{topic} and {topic2} explained",
			"{number} lessons on {topic}",
			"{number} tips for {doing}",
			"{number} mistakes with {topic}",
			"{doing} without fuss",
			"the art of {doing}",
			"a short course in {topic}",
		},
		leads: []string{
			"a clear introduction to {topic} for anyone new to {name}.",
			"learn about {topic} {setting}.",
			"for the {who} who wants to get better at {doing}.",
			"a practical book on {name}, with chapters on {topic} and {topic2}.",
		},
		more: []string{
			"Also covers {topic3} and {topic4}.",
			"All you need is {a gear} and {a gear2}.",
			"Photographs show every step of {doing3}.",
			"The last part is about {doing4}.",
		},
	},
	{ // courses and meetings
		titles: []string{
			"workshop: {doing}",
			"{doing} together",
			"{name} club: {topic}",
			"masterclass in {topic}",
			"weekend course: {doing}",
			"{name} for absolute beginners: {topic}",
			"an evening of {topic}",
		},
		leads: []string{
			"a hands-on course led by an experienced {who}.",
			"practise {doing} and {doing2} {setting}.",
			"meet others who love {name} and talk about {topic}.",
		},
		more: []string{
			"We look at {topic3} and {topic4}.",
			"Bring {a gear} if you have one.",
			"No experience needed: we start with {doing3}.",
			"{a gear2} is included in the price.",
		},
	},
	{ // stories and magazines
		titles: []string{
			"notes on {topic}",
			"from {topic} to {topic2}",
			"what {doing} taught me",
			"{a who}'s diary: {topic}",
			"in praise of {topic}",
			"my first year of {name}: {topic}",
			"confessions of {a who}: {doing}",
			"{topic}: a personal history",
		},
		leads: []string{
			"{a who} writes about {topic}, {topic2} and the pleasure of {doing}.",
			"an essay on {name}, from {topic2} to {doing2}.",
			"\"It began with {a gear},\" says the author, \"and ended with {topic}.\"",
		},
		more: []string{
			"Along the way there is advice on {doing3}.",
			"With an aside about {topic3}.",
			"One chapter is devoted to {a adjective gear2}.",
			"The best pages are about {doing4} {setting}.",
		},
	},
	{ // tests and advice on buying
		titles: []string{
			"tested: {adjective} {gear}",
			"choosing {a gear}",
			"caring for your {gear}",
			"second-hand {gear}: what to check",
			"{gear} or {gear2}? where to begin",
			"long-term review: {brand} {gear}",
		},
		leads: []string{
			"our {who} has used one for a whole season of {name}.",
			"what to look for in {a gear}, and what to leave in the shop.",
			"we compared {number} models for {name} {setting}.",
		},
		more: []string{
			"The verdict depends on how much you care about {topic}.",
			"{a adjective2 gear3} may serve you better for {doing2}.",
			"Includes a checklist for {doing}.",
			"With a word on {topic2} and {topic3}.",
		},
	},
}
