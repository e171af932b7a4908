package report

import (
	"math"
	"strings"
	"testing"
)

func TestTicks(t *testing.T) {
	for _, end := range []float64{1e-9, 0.00021, 0.0131, 0.0999, 0.1, 0.37, 0.93, 1, 3, 761, 99999} {
		ticks := shareTicks(end)
		if len(ticks) < 2 || len(ticks) > 6 || ticks[0].Value != 0 || ticks[len(ticks)-1].Value > end*1.001 {
			t.Errorf("up to %v: ticks %v", end, ticks)
		}
	}
	if got := shareTicks(0.093); got[1].Label != "2 %" || len(got) != 5 {
		t.Errorf("up to 9.3 %%: %v, want every 2 %%", got)
	}
	for _, n := range []int{1, 2, 7, 761, 123456} {
		ticks := rankTicks(n)
		if len(ticks) < 2 || len(ticks) > 6 || strings.Contains(ticks[1].Label, ".") {
			t.Errorf("up to %d: ticks %v", n, ticks)
		}
	}
	for _, shares := range [][]float64{{1, 0}, {.9, .05, .05}, {.5, .3, 1e-12}, {.2, .01, .001, 0}} {
		low, ticks := logTicks(shares)
		if low <= 0 || len(ticks) > 6 || ticks[len(ticks)-1].Value != low {
			t.Errorf("%v: from %v, ticks %v", shares, low, ticks)
		}
	}
}

func TestDescending(t *testing.T) {
	got := descending([]float64{1, math.NaN(), 3, 0, -2, math.Inf(1)}, 0)
	want := []float64{.75, .25, 0, 0, 0, 0}
	if len(got) != len(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
	if got := descending([]float64{2}, 3); len(got) != 3 || got[0] != 1 {
		t.Errorf("leaves that are missing: %v", got)
	}
	for _, nothing := range [][]float64{nil, {0, 0}, {math.NaN()}, {math.MaxFloat64, math.MaxFloat64}} {
		if got := descending(nothing, 5); got != nil {
			t.Errorf("%v: %v, want nil", nothing, got)
		}
	}
}

// TestTailsOfAllSizes: of one cluster or a million, flat or steep, a tail can
// be drawn in a page's size.
func TestTailsOfAllSizes(t *testing.T) {
	for _, n := range []int{1, 2, 10, maxSteps - 1, maxSteps, maxSteps + 1, 761, 1_000_000} {
		for _, power := range []float64{0, 0.2, 1, 3} {
			weights := make([]float64, n)
			for i := range weights {
				weights[i] = math.Pow(float64(i+1), -power)
			}
			p, err := tailChart(descending(weights, n), "clusters")
			if err != nil {
				t.Fatal(err)
			}
			svg, err := inline(p, `a "plot"`)
			if err != nil {
				t.Fatal(err)
			}
			if len(svg) > 30_000 || strings.Contains(string(svg), "NaN") || !strings.Contains(string(svg), "var(--accent)") {
				t.Errorf("%d clusters, power %v: %d bytes, or not a number in it, or no line", n, power, len(svg))
			}
		}
	}
}

func TestInlineTakesThePagesManner(t *testing.T) {
	p := barChart([]bar{{"<b>", "1 & 2", .5, .4, .6, true}, {"none", "0", 0, 0, 0, false}}, true)
	svg, err := inline(p, `"q" & <a>`)
	if err != nil {
		t.Fatal(err)
	}
	text := string(svg)
	for _, want := range []string{`aria-label="&#34;q&#34; &amp; &lt;a&gt;"`, "&lt;b&gt;", "1 &amp; 2", "var(--ink)", "var(--muted)", "var(--rule)", "var(--accent)", "textLength="} {
		if !strings.Contains(text, want) {
			t.Errorf("the plot lacks %s", want)
		}
	}
	for _, trace := range []string{"font-family", "Liberation", "width=\"", "xmlns", "#0", "<b>"} {
		if strings.Contains(text, trace) {
			t.Errorf("the plot contains %s", trace)
		}
	}
}
