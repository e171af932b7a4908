package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/net/html"

	"foray/schemas"
)

func render(t testing.TB, d Data) string {
	t.Helper()
	var w bytes.Buffer
	if err := Render(&w, d); err != nil {
		t.Fatal(err)
	}
	return w.String()
}

// hostile is what a model or a catalogue could say at worst, everywhere.
func hostile() Data {
	bad := "</title></style><script>alert('foray')</script><img src=x onerror=alert(1)>\x00\x1b[31m\u202e\xff&amp;\"'" + strings.Repeat("W", 1<<20)
	key := []string{bad, bad}
	d := sample()
	d.Title, d.Planner = bad, bad
	d.Metrics = append(d.Metrics,
		schemas.Metric{Name: bad, Planner: bad, Value: math.NaN()},
		schemas.Metric{Name: "recall", K: 10, Planner: bad, Value: 3, Low: math.Inf(-1), High: math.NaN()},
		schemas.Metric{Name: "recall", K: 5, Planner: "random", Value: math.Inf(1)})
	d.Statuses = append(d.Statuses, Count{bad, 5}, Count{"ok", -5})
	d.Plans = append(d.Plans, -9, math.MaxInt64)
	d.Traffic = append(d.Traffic, math.NaN(), math.Inf(1), -1)
	d.Samples = []Plan{{Key: key, Novel: bad, Status: bad, Traffic: math.NaN()}, {}}
	d.Worst = []Case{{bad, key, bad, bad, math.NaN()}, {}}
	d.Users = []User{{bad, key, key, []Item{{bad, bad, bad}, {}}}, {}}
	d.Read.Rejects = append(d.Read.Rejects, Count{bad, -1})
	d.Links = []Link{{bad, "javascript:alert(1)", bad}}
	d.Versions = []Version{{bad, bad, key}}
	return d
}

func TestPagesAreSound(t *testing.T) {
	few := sample()
	few.Metrics, few.Leaves, few.Plans, few.Traffic = few.Metrics[:1], 1, []int64{3}, []float64{1}
	for name, d := range map[string]Data{"sample": sample(), "empty": {}, "hostile": hostile(), "few": few} {
		t.Run(name, func(t *testing.T) {
			page := render(t, d)
			if page != render(t, d) {
				t.Error("the same data gave another page")
			}
			for i, r := range page {
				if unicode.IsControl(r) && r != '\n' && r != '\t' || turnsDirection(r) {
					t.Fatalf("character %U at byte %d", r, i)
				}
			}
			if len(page) > 400_000 {
				t.Errorf("the page has %d bytes", len(page))
			}
			checkTags(t, page)
			doc, err := html.Parse(strings.NewReader(page))
			if err != nil {
				t.Fatal(err)
			}
			checkTree(t, doc)
		})
	}
}

// checkTags holds that every element is closed, which a parser would mend.
func checkTags(t *testing.T, page string) {
	t.Helper()
	void := []string{"meta", "link", "input", "path", "br", "img"}
	var open []string
	z := html.NewTokenizer(strings.NewReader(page))
	for {
		switch kind := z.Next(); kind {
		case html.ErrorToken:
			if !errors.Is(z.Err(), io.EOF) || len(open) > 0 {
				t.Errorf("the page ends with %v, open are %v", z.Err(), open)
			}
			return
		case html.StartTagToken, html.EndTagToken:
			name, _ := z.TagName()
			tag := string(name)
			switch {
			case slices.Contains(void, tag):
			case kind == html.StartTagToken:
				open = append(open, tag)
			case len(open) == 0 || open[len(open)-1] != tag:
				t.Fatalf("</%s> closes %v", tag, open)
			default:
				open = open[:len(open)-1]
			}
		}
	}
}

// checkTree holds what makes the page usable by all, and by itself.
func checkTree(t *testing.T, doc *html.Node) {
	t.Helper()
	ids := map[string]bool{}
	var references []string
	level, h1s, scripts := 0, 0, 0
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		attr := map[string]string{}
		for _, a := range n.Attr {
			attr[a.Key] = a.Val
			if strings.HasPrefix(a.Key, "on") {
				t.Errorf("<%s> has %s", n.Data, a.Key)
			}
			if strings.Contains(a.Val, "//") || strings.Contains(strings.ToLower(a.Val), "javascript:") {
				t.Errorf("<%s %s=%q> leads out of the page", n.Data, a.Key, a.Val)
			}
		}
		if id := attr["id"]; id != "" {
			if ids[id] {
				t.Errorf("the id %q stands twice", id)
			}
			ids[id] = true
		}
		for _, key := range []string{"aria-labelledby", "for"} {
			if v := attr[key]; v != "" {
				references = append(references, v)
			}
		}
		if href := attr["href"]; strings.HasPrefix(href, "#") && href != "#ZgotmplZ" {
			references = append(references, href[1:])
		}
		switch n.Data {
		case "h1", "h2", "h3", "h4":
			to := int(n.Data[1] - '0')
			if to > level+1 {
				t.Errorf("a heading <%s> follows level %d", n.Data, level)
			}
			level = to
			if to == 1 {
				h1s++
			}
		case "table":
			if c := firstElement(n); c == nil || c.Data != "caption" {
				t.Error("a table without a caption")
			}
		case "th":
			if attr["scope"] == "" {
				t.Error("a <th> without a scope")
			}
		case "section", "nav":
			if attr["aria-labelledby"] == "" && attr["aria-label"] == "" {
				t.Errorf("a <%s> without a name", n.Data)
			}
		case "svg":
			if attr["role"] != "img" || attr["aria-label"] == "" {
				t.Error("a plot without a name")
			}
		case "script":
			scripts++
		case "img", "iframe", "object", "embed", "form", "base":
			t.Errorf("an element <%s>", n.Data)
		}
	}
	for _, id := range references {
		if !ids[id] {
			t.Errorf("nothing has the id %q", id)
		}
	}
	if h1s != 1 || scripts != 1 {
		t.Errorf("%d <h1> and %d <script>, want one of each", h1s, scripts)
	}
}

func firstElement(n *html.Node) *html.Node {
	for c := range n.ChildNodes() {
		if c.Type == html.ElementNode {
			return c
		}
	}
	return nil
}

func TestNothingIsFetched(t *testing.T) {
	page := render(t, sample())
	for _, trace := range []string{"http:", "https:", "url(", "@import", "@font-face", "xlink", "<?xml"} {
		if strings.Contains(page, trace) {
			t.Errorf("the page contains %q", trace)
		}
	}
}

func TestOnlyTheOwnScriptMayRun(t *testing.T) {
	page := render(t, hostile())
	_, rest, _ := strings.Cut(page, "<script>")
	body, _, _ := strings.Cut(rest, "</script>")
	hash := sha256.Sum256([]byte(body))
	want := "script-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) + "'"
	if !strings.Contains(html.UnescapeString(page), want) {
		t.Errorf("the policy lacks %s", want)
	}
}

func TestPageSaysWhatItIsGiven(t *testing.T) {
	d := sample()
	text := words(t, render(t, d))
	want := []string{d.Title, "1,204,811", "2026-09-01 22:10", "item is not in the catalogue", "4,811", d.Versions[2].Version,
		"lookup every key and its plans", "541,220", "User 7", d.Users[6].Items[2].Title + " explore", d.Samples[0].Key[0], "I would recommend kitchenware, such as",
		"What it cost Tokens of prompts 41,233,120", "80.0 % of the plans share an ancestor", "random – +7.00 +6.00 to +8.00; p < 0.005"}
	for _, s := range want {
		if !strings.Contains(text, s) {
			t.Errorf("the page does not say %q", s)
		}
	}
	for _, p := range d.Samples {
		if p.Novel != "" && !strings.Contains(text, p.Novel) {
			t.Errorf("the plan %q is not shown", p.Novel)
		}
	}
	if n := len(regexp.MustCompile(`<svg `).FindAllString(render(t, d), -1)); n != 6 {
		t.Errorf("%d plots, want 6", n)
	}
	if !strings.Contains(words(t, render(t, hostile())), "<script>alert('foray')</script>") {
		t.Error("markup in the data is not shown as text")
	}
}

// words is the text that a reader sees, with single spaces.
func words(t testing.TB, page string) string {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for n := range doc.Descendants() {
		if n.Type == html.TextNode && n.Parent.Data != "script" && n.Parent.Data != "style" {
			b.WriteString(n.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// TestColoursHaveContrast holds WCAG's 4.5 for text, in light and dark.
func TestColoursHaveContrast(t *testing.T) {
	schemes := strings.Split(styles, ":root {")[1:]
	if len(schemes) != 2 {
		t.Fatalf("%d colour schemes, want light and dark", len(schemes))
	}
	for i, scheme := range schemes {
		colour := map[string]float64{}
		for _, m := range regexp.MustCompile(`--([a-z-]+): #([0-9a-f]{6});`).FindAllStringSubmatch(scheme, -1) {
			if _, again := colour[m[1]]; !again {
				colour[m[1]] = luminance(t, m[2])
			}
		}
		for _, pair := range []string{"ink paper", "muted paper", "accent paper", "ink card", "muted card", "bad paper", "ink wash", "explore explore-wash"} {
			front, back, _ := strings.Cut(pair, " ")
			a, b := colour[front], colour[back]
			if ratio := (max(a, b) + 0.05) / (min(a, b) + 0.05); ratio < 4.5 {
				t.Errorf("scheme %d: %s on %s has contrast %.2f", i, front, back, ratio)
			}
		}
	}
}

func luminance(t *testing.T, hex string) float64 {
	n, err := strconv.ParseUint(hex, 16, 32)
	if err != nil {
		t.Fatal(err)
	}
	channel := func(shift int) float64 {
		c := float64(n>>shift&255) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*channel(16) + 0.7152*channel(8) + 0.0722*channel(0)
}

// full takes a number of bytes and fails.
type full int

func (f *full) Write(p []byte) (int, error) {
	if len(p) > int(*f) {
		return 0, fmt.Errorf("disk full")
	}
	*f -= full(len(p))
	return len(p), nil
}

func TestRenderReportsWriteErrors(t *testing.T) {
	w := full(3000)
	if err := Render(&w, sample()); err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("error %v, want the writer's", err)
	}
}
