package curation

import (
	"math"
	"reflect"
	"slices"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"foray/transforms/packed"
)

// The ways to choose examples (--curation).
const (
	// Diversified takes of each label, which is a next cluster, the contexts
	// with the most users, so that every label stands equally often: what the
	// paper trains on (section 4.2), since random examples leave a long tail
	// of clusters that the model never names.
	Diversified = "diversified"
	// Random takes transitions as they come: each user's transition has the
	// same chance.
	Random = "random"
	// Popular takes the transitions with the most users.
	Popular = "popular"
)

// Curations are all ways.
var Curations = []string{Diversified, Random, Popular}

// MostExamples is how many training examples can be asked for: all of them are
// held at once.
const MostExamples = 1_000_000

// How much of what does not become a training example is kept at most.
const (
	mostValidation = 1000
	mostAlignment  = 50_000
)

// sample is what all ways choose from, of one shard or of all: few of the
// transitions, wherever they are.
type sample struct {
	cfg    Config
	labels int

	contexts   []first // of each label, for Diversified
	random     first
	popular    first
	validation first // one of each key that is held out
	alignment  first
	// users and later sum over all transitions of each label.
	users, later []int64
}

func newSample(cfg Config, labels int) *sample {
	most := labels * cfg.ContextsPerLabel // what Diversified takes at most
	s := &sample{
		cfg: cfg, labels: labels, contexts: make([]first, labels),
		random: first{n: most, order: byDraw}, popular: first{n: most, order: byUsers},
		validation: first{n: mostValidation, order: byDraw}, alignment: first{n: mostAlignment, order: byUsers},
		users: make([]int64, labels), later: make([]int64, labels),
	}
	for i := range s.contexts {
		s.contexts[i] = first{n: cfg.ContextsPerLabel, order: byUsers}
	}
	return s
}

func (s *sample) label(c candidate) int { return int(c.number % uint64(s.labels)) }

// heldOut tells whether nothing about a key may be trained on.
func (s *sample) heldOut(key uint64) bool {
	return float64(draw(s.cfg.Seed, key, 0)) < s.cfg.ValidationShare*math.MaxUint64
}

// add takes all transitions of one key.
func (s *sample) add(all []candidate) {
	if len(all) == 0 {
		return
	}
	s.hint(all)
	key := all[0].number / uint64(s.labels)
	held := s.heldOut(key)
	var successor candidate
	for _, c := range all {
		label := s.label(c)
		s.users[label] += c.users
		s.later[label] += c.later
		if c.users < s.cfg.MinUsers {
			continue
		}
		if c.users > successor.users {
			successor = c
		}
		if held {
			continue
		}
		c.draw = draw(s.cfg.Seed, c.number, 0)
		s.contexts[label].add(c)
		s.popular.add(c)
		if c.users >= s.cfg.AlignmentMinUsers {
			s.alignment.add(c)
		}
		for i := range uint64(c.users) {
			c.draw = draw(s.cfg.Seed, c.number, i+1)
			s.random.add(c)
		}
	}
	if held && successor.users > 0 {
		successor.draw = draw(s.cfg.Seed, key, 0)
		s.validation.add(successor)
	}
}

// hint says of each transition where its key's users went on to most often,
// without one of the users who made it: a model that is taught with hints must
// not learn that they are always right.
func (s *sample) hint(all []candidate) {
	best, second := -1, -1
	for i, c := range all {
		switch {
		case best < 0 || c.users > all[best].users:
			best, second = i, best
		case second < 0 || c.users > all[second].users:
			second = i
		}
	}
	for i := range all {
		to := best
		if i == best && second >= 0 && all[second].users > all[best].users-1 {
			to = second
		}
		if to != i || all[i].users > 1 {
			all[i].hint = 1 + uint64(s.label(all[to]))
		}
	}
}

// Sampled is a sample on its way to where all of them meet.
type Sampled struct {
	Contexts, Random, Popular, Validation, Alignment, Totals []byte
}

func init() { beam.RegisterType(reflect.TypeFor[Sampled]()) }

func (s *sample) pack() Sampled {
	var contexts []candidate
	for i := range s.contexts {
		contexts = append(contexts, s.contexts[i].all()...)
	}
	return Sampled{
		Contexts: pack(contexts), Random: pack(s.random.all()), Popular: pack(s.popular.all()),
		Validation: pack(s.validation.all()), Alignment: pack(s.alignment.all()),
		Totals: packed.Encode(s.users, s.later),
	}
}

// merge takes what another shard chose from. Shards have no key in common.
func (s *sample) merge(other Sampled) error {
	for _, part := range []struct {
		block []byte
		take  func(candidate)
	}{
		{other.Contexts, func(c candidate) { s.contexts[s.label(c)].add(c) }},
		{other.Random, s.random.add}, {other.Popular, s.popular.add},
		{other.Validation, s.validation.add}, {other.Alignment, s.alignment.add},
	} {
		if err := unpack(part.block, part.take); err != nil {
			return err
		}
	}
	var users, later []int64
	if err := packed.Decode(other.Totals, &users, &later); err != nil {
		return err
	}
	for i := range users {
		s.users[i] += users[i]
		s.later[i] += later[i]
	}
	return nil
}

// choose gives the examples of one way, in random order; all ways choose as
// many, where there are as many. short counts, for Diversified, the contexts
// of labels that have fewer than are asked for: none, or some, whose examples
// are repeated.
func (s *sample) choose(way string) (examples []candidate, short map[int]int) {
	short = map[int]int{}
	var diversified []candidate
	for label := range s.contexts {
		contexts := s.contexts[label].all()
		if len(contexts) < s.cfg.ContextsPerLabel {
			short[label] = len(contexts)
		}
		if len(contexts) == 0 {
			continue
		}
		for i := range s.cfg.ContextsPerLabel {
			c := contexts[i%len(contexts)]
			c.draw = draw(s.cfg.Seed, c.number, uint64(i))
			diversified = append(diversified, c)
		}
	}
	n := len(diversified)
	switch way {
	case Random:
		random := s.random.all()
		return random[:min(n, len(random))], short
	case Popular:
		popular := s.popular.all()
		shuffled := first{n: n, order: byDraw, kept: slices.Clone(popular[:min(n, len(popular))])}
		return shuffled.all(), short
	}
	shuffled := first{n: n, order: byDraw, kept: diversified}
	return shuffled.all(), short
}
