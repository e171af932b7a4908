package progress

import (
	"io"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// barWidth is the width of a bar, in columns.
const barWidth = 24

// bars draws stages on a terminal.
type bars struct {
	pool  *mpb.Progress
	shown map[*stage]*mpb.Bar
}

func newBars(w io.Writer) *bars {
	// The caller knows that w is a terminal; mpb's own look would miss one
	// behind a wrapper.
	return &bars{pool: mpb.New(mpb.WithOutput(w), mpb.WithAutoRefresh()), shown: map[*stage]*mpb.Bar{}}
}

// add shows a stage. The bar pulls its figures from the stage whenever it is
// drawn, so counting costs nothing for being shown.
func (b *bars) add(s *stage) {
	name := decor.Name(s.name, decor.WC{W: 10, C: decor.DSyncWidthR})
	text := decor.Any(func(decor.Statistics) string { return s.text(time.Now()) })
	bar, err := b.pool.Add(0, filler(s), mpb.BarWidth(barWidth), mpb.PrependDecorators(name), mpb.AppendDecorators(text))
	if err != nil {
		return // the terminal is gone
	}
	b.shown[s] = bar
}

// filler draws a bar once the total is known, a spinner until then, and
// nothing that moves when the stage has ended.
func filler(s *stage) mpb.BarFiller {
	bar := mpb.BarStyle().Lbound("").Rbound("").Filler("━").Tip("━").Padding("─").Build()
	spinner := mpb.SpinnerStyle("·  ", "·· ", "···", " ··", "  ·", "   ").PositionLeft().Build()
	return mpb.BarFillerFunc(func(w io.Writer, st decor.Statistics) error {
		count, total := s.bounds()
		running, done := s.state() // mpb cannot tell stopped from done at the end
		st.Current, st.Total = count, total
		switch {
		case done:
			st.Current, st.Total = 1, 1
		case running && total == 0:
			return spinner.Fill(w, st)
		case total == 0:
			st.Current, st.Total = 0, 1
		}
		return bar.Fill(w, st)
	})
}

// end freezes a stage's bar: full if the stage is done, as it stands if not.
func (b *bars) end(s *stage) {
	bar, ok := b.shown[s]
	if !ok {
		return
	}
	if _, done := s.state(); done {
		bar.SetTotal(1, true)
	} else {
		bar.Abort(false)
	}
}

// wait returns when the last state is drawn.
func (b *bars) wait() { b.pool.Wait() }

// Write shows text above the bars.
func (b *bars) Write(text []byte) (int, error) { return b.pool.Write(text) }
