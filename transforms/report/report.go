package report

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"

	"foray/schemas"
)

var (
	//go:embed page/report.html
	layout string
	//go:embed page/report.css
	styles string
	//go:embed page/report.js
	script string
)

var layoutTemplate = template.Must(template.New("report").Parse(layout))

// Render writes the page. Errors are those of w.
func Render(w io.Writer, d Data) error {
	drawn, err := draws(d)
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	hash := sha256.Sum256([]byte(script))
	title := plain(d.Title)
	if title == "" {
		title = "Interest exploration"
	}
	p := page{
		Styles: template.CSS(styles),
		Script: template.JS(script),
		// Nothing may be fetched or run but what stands in the page.
		Policy: "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; script-src 'sha256-" +
			base64.StdEncoding.EncodeToString(hash[:]) + "'",
		Title:    title,
		Planner:  plain(d.Planner),
		Verdict:  judge(d),
		Table:    tabulate(d),
		Leads:    leads(d),
		Figures:  drawn,
		Samples:  planRows(d.Samples),
		Worst:    caseRows(d.Worst),
		Users:    userCards(d.Users),
		Facts:    facts(d),
		Rejects:  countRows(d.Read.Rejects),
		Training: curationRows(d.Training),
		Since:    plain(d.Since),
		Changes:  costRows(d.Changes),
		Tree:     nodeRows(d.Tree),
		Versions: versionRows(d.Versions),
		Links:    linkRows(d.Links),
		Cost:     costOf(d),
		Terms:    allTerms(d.Definitions),
	}
	if err := layoutTemplate.Execute(w, p); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// page is what the template shows: words only, in the order of the page.
type page struct {
	Styles   template.CSS
	Script   template.JS
	Policy   string
	Title    string
	Planner  string
	Verdict  verdict
	Table    metricTable
	Leads    leadTable
	Cost     []countRow
	Figures  []figure
	Samples  []planRow
	Worst    []caseRow
	Users    []userCard
	Facts    []fact
	Rejects  []countRow
	Training []curationRow
	Since    string
	Changes  []countRow
	Tree     []nodeRow
	Versions []Version
	Links    []Link
	Terms    []term
}

type curationRow struct {
	Way, Examples, Labels, Entropy, Gini string
	Used                                 bool
}

func curationRows(t Training) []curationRow {
	rows := make([]curationRow, len(t.Ways))
	for i, c := range t.Ways {
		rows[i] = curationRow{plain(c.Way), thousands(c.Examples), thousands(c.Labels), fmt.Sprintf("%.2f", c.EntropyBits), fmt.Sprintf("%.2f", c.Gini), c.Way == t.Way}
	}
	return rows
}

type planRow struct {
	Key                                  []string
	Novel, Status, Class, Votes, Traffic string
}

func planRows(plans []Plan) []planRow {
	rows := make([]planRow, len(plans))
	for i, p := range plans {
		rows[i] = planRow{Key: plainAll(p.Key), Novel: plain(p.Novel), Status: statusWords(p.Status), Class: class(p.Status), Traffic: percent(p.Traffic)}
		if p.Samples > 0 && p.Status == schemas.StatusOK {
			rows[i].Votes = fmt.Sprintf("%d of %s", p.Votes, some(int64(p.Samples), "vote"))
		}
	}
	return rows
}

// class is a status's style.
func class(status string) string {
	switch status {
	case schemas.StatusOK:
		return "good"
	case schemas.StatusNotPlanned:
		return "idle"
	}
	return "bad"
}

type caseRow struct {
	Why, Answer, Successor, Traffic string
	Key                             []string
}

func caseRows(cases []Case) []caseRow {
	rows := make([]caseRow, len(cases))
	for i, c := range cases {
		rows[i] = caseRow{Why: why(c.Why), Key: plainAll(c.Key), Answer: plain(c.Answer), Successor: plain(c.Successor), Traffic: percent(c.Traffic)}
	}
	return rows
}

// Missed says why a case is shown whose plans foresaw too little.
func Missed(missed, all int64) string {
	return fmt.Sprintf("%s of %s went elsewhere", thousands(missed), some(all, "transition"))
}

// why is a status in words, or any other reason in full.
func why(reason string) string {
	if reason == schemas.StatusNoMatch || reason == schemas.StatusNotNovel {
		return statusWords(reason)
	}
	return plain(reason)
}

type userCard struct {
	Name         string
	Key, Planned []string
	Items        []itemRow
}

type itemRow struct {
	Title, Cluster string
	Explore        bool
}

func userCards(users []User) []userCard {
	cards := make([]userCard, len(users))
	for i, u := range users {
		cards[i] = userCard{Name: plain(u.Name), Key: plainAll(u.Key), Planned: plainAll(u.Planned)}
		for _, it := range u.Items {
			cards[i].Items = append(cards[i].Items, itemRow{plain(it.Title), plain(it.Cluster), it.Source == schemas.SourceExplore})
		}
	}
	return cards
}

// fact is a line of what was read.
type fact struct{ Name, Value string }

func facts(d Data) (facts []fact) {
	number := func(name string, n int64) {
		if n > 0 {
			facts = append(facts, fact{name, thousands(n)})
		}
	}
	number("Events", d.Read.Rows)
	number("Users", d.Read.Users)
	number("Items", d.Read.Items)
	number("Clusters", int64(d.Leaves))
	number("Clusters in a key", int64(d.History))
	if from, to := day(d.Read.From), day(d.Read.To); from != "" && to != "" {
		facts = append(facts, fact{"Time span (UTC)", from + " to " + to})
	}
	if cut := day(d.Read.TrainUntil); cut != "" {
		facts = append(facts, fact{"Trained until (UTC)", cut})
	}
	number("Users judged on", d.Read.TestUsers)
	number("Their transitions", d.Read.TestTransitions)
	for _, f := range d.Read.ItemFormats {
		facts = append(facts, fact{"Items read as", f})
	}
	for _, f := range d.Read.EventFormats {
		facts = append(facts, fact{"Events read as", f})
	}
	if t := d.Training; t.Tokens > 0 {
		text := thousands(t.Tokens) + " tokens of " + plain(t.Way) + " examples"
		if t.Dollars > 0 {
			text += fmt.Sprintf(", $%.2f a pass", t.Dollars)
		}
		facts = append(facts, fact{"Training", text})
	}
	return facts
}

type countRow struct{ Name, N string }

// countRows lists the largest first.
func countRows(counts []Count) []countRow {
	sorted := slices.SortedStableFunc(slices.Values(counts), func(a, b Count) int {
		if a.N != b.N {
			if a.N > b.N {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Name, b.Name)
	})
	rows := make([]countRow, len(sorted))
	for i, c := range sorted {
		rows[i] = countRow{plain(c.Name), thousands(c.N)}
	}
	return rows
}

// costRows keep their order.
func costRows(counts []Count) []countRow {
	rows := make([]countRow, len(counts))
	for i, c := range counts {
		rows[i] = countRow{plain(c.Name), thousands(c.N)}
	}
	return rows
}

// costOf are the figures of what asking took, dollars last.
func costOf(d Data) []countRow {
	rows := costRows(d.Cost)
	if d.Dollars > 0 {
		rows = append(rows, countRow{"By the prices given", fmt.Sprintf("$%.4f", d.Dollars)})
	}
	return rows
}

// nodeRow is a node of the tree; Leaves counts the clusters below it.
type nodeRow struct {
	Description, Traffic string
	Leaves               int
	Children             []nodeRow
}

func nodeRows(nodes []Node) []nodeRow {
	rows := make([]nodeRow, len(nodes))
	for i, n := range nodes {
		rows[i] = nodeRow{Description: plain(n.Description), Traffic: percent(n.Traffic), Children: nodeRows(n.Children)}
		for _, child := range rows[i].Children {
			rows[i].Leaves += max(child.Leaves, 1)
		}
	}
	return rows
}

func versionRows(versions []Version) []Version {
	rows := make([]Version, len(versions))
	for i, v := range versions {
		rows[i] = Version{plain(v.Table), plain(v.Version), plainAll(v.Parents)}
	}
	return rows
}

func linkRows(links []Link) []Link {
	rows := make([]Link, len(links))
	for i, l := range links {
		rows[i] = Link{plain(l.Name), l.Path, plain(l.Note)}
	}
	return rows
}
