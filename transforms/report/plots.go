package report

import (
	"html/template"
	"image/color"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// figure is a plot under the question that it answers, with the answer.
type figure struct {
	Question, Answer string
	SVG              template.HTML
}

// bar is one line of a chart of shares.
type bar struct {
	name, label      string
	value, low, high float64
	strong           bool
}

// newPlot returns an empty plot in the page's manner: no frame, no title (the
// page has it), thin grey axes, small sans-serif text.
func newPlot() *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Min = 0
		a.Padding = 0
		a.LineStyle.Width = 0
		a.Tick.LineStyle.Width = 0
		a.Tick.Label = style(a.Tick.Label, muted)
		a.Label.TextStyle = style(a.Label.TextStyle, muted)
		a.Label.Padding = vg.Points(5)
	}
	p.X.Padding = vg.Points(5)
	return p
}

func style(s text.Style, c color.Color) text.Style {
	s.Font = labelFont
	s.Color = c
	return s
}

// barChart draws a line a bar: a dot with its interval where dots, else a
// bar from 0. Names stand on the left, labels at the values' right ends.
func barChart(bars []bar, dots bool) *plot.Plot {
	p := newPlot()
	var end float64
	var names []plot.Tick
	for i, b := range bars {
		end = max(end, b.value, b.high)
		names = append(names, plot.Tick{Value: float64(len(bars) - 1 - i), Label: b.name})
	}
	if end == 0 {
		end = 1 // all is 0: any scale shows it
	}
	p.X.Max = end
	p.X.Tick.Marker = plot.ConstantTicks(shareTicks(end))
	p.Y.Min, p.Y.Max = -0.6, float64(len(bars))-0.4
	p.Y.Tick.Marker = plot.ConstantTicks(names)
	p.Y.Tick.Label.Color = ink
	p.Y.Padding = vg.Points(8)
	p.Add(grid{}, rows{bars, dots})
	return p
}

// grid draws the lines that the ticks of the axis of values stand for.
type grid struct{ horizontal bool }

func (g grid) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	line := draw.LineStyle{Color: rule, Width: vg.Points(0.75)}
	if g.horizontal {
		for _, t := range p.Y.Tick.Marker.Ticks(p.Y.Min, p.Y.Max) {
			c.StrokeLine2(line, c.Min.X, y(t.Value), c.Max.X, y(t.Value))
		}
		return
	}
	for _, t := range p.X.Tick.Marker.Ticks(p.X.Min, p.X.Max) {
		c.StrokeLine2(line, x(t.Value), c.Min.Y, x(t.Value), c.Max.Y)
	}
}

// rows draws the bars of a barChart.
type rows struct {
	bars []bar
	dots bool
}

func (r rows) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	for i, b := range r.bars {
		at := y(float64(len(r.bars) - 1 - i))
		colour := color.Color(muted)
		if b.strong {
			colour = accent
		}
		end := x(b.value)
		if r.dots {
			end = x(max(b.value, b.high))
			c.StrokeLine2(draw.LineStyle{Color: colour, Width: vg.Points(2)}, x(min(b.value, b.low)), at, end, at)
			c.DrawGlyph(draw.GlyphStyle{Color: colour, Radius: vg.Points(4.5), Shape: draw.CircleGlyph{}}, vg.Point{X: x(b.value), Y: at})
			end += vg.Points(3)
		} else if end > x(0) {
			half := min(vg.Points(9), 0.32*(y(1)-y(0)))
			c.FillPolygon(colour, []vg.Point{{X: x(0), Y: at - half}, {X: end, Y: at - half}, {X: end, Y: at + half}, {X: x(0), Y: at + half}})
		}
		label := style(p.X.Tick.Label, ink)
		label.XAlign, label.YAlign = draw.XLeft, -0.43
		c.FillText(label, vg.Point{X: end + vg.Points(6), Y: at}, b.label)
	}
}

// GlyphBoxes makes room for the labels on the right of the values.
func (r rows) GlyphBoxes(p *plot.Plot) (boxes []plot.GlyphBox) {
	label := style(p.X.Tick.Label, ink)
	for i, b := range r.bars {
		boxes = append(boxes, plot.GlyphBox{
			X: p.X.Norm(max(b.value, b.high)),
			Y: p.Y.Norm(float64(len(r.bars) - 1 - i)),
			Rectangle: vg.Rectangle{
				Max: vg.Point{X: label.Width(b.label) + vg.Points(14)},
			},
		})
	}
	return boxes
}

// steep is how many times the even split the largest share must have for a
// tail to be drawn on a logarithmic scale: on a linear one there would be
// nothing to see but the head.
const steep = 8

// tailChart draws shares from the largest to the smallest, and the share that
// each would have if all had the same.
func tailChart(shares []float64, xLabel string) (*plot.Plot, error) {
	p := newPlot()
	n := float64(len(shares))
	low, ticks := 0.0, shareTicks(max(shares[0], 1/n))
	if shares[0]*n > steep {
		low, ticks = logTicks(shares)
		p.Y.Scale = plot.LogScale{}
		xLabel += " (shares on a logarithmic scale)"
	}
	p.Y.Min = low
	line, err := plotter.NewLine(steps(shares, low))
	if err != nil {
		return nil, err
	}
	line.LineStyle = draw.LineStyle{Color: accent, Width: vg.Points(1.75)}
	line.FillColor = wash
	even, err := plotter.NewLine(plotter.XYs{{X: 0, Y: 1 / n}, {X: n, Y: 1 / n}})
	if err != nil {
		return nil, err
	}
	even.LineStyle = draw.LineStyle{Color: ink, Width: vg.Points(1), Dashes: []vg.Length{vg.Points(3), vg.Points(3)}}
	p.X.Max, p.Y.Max = n, max(shares[0], 1/n)
	p.X.Tick.Marker = plot.ConstantTicks(rankTicks(len(shares)))
	p.Y.Tick.Marker = plot.ConstantTicks(ticks)
	p.X.Label.Text = xLabel
	p.Add(grid{horizontal: true}, line, even, evenLabel{1 / n, n})
	return p, nil
}

// maxSteps is how many steps a tail is drawn with: more than a screen shows.
const maxSteps = 400

// steps draws each share as wide as any other; of very many it takes some,
// evenly, with the first and the last. Shares below low are drawn at low.
func steps(shares []float64, low float64) plotter.XYs {
	count := min(len(shares), maxSteps)
	points := make(plotter.XYs, 0, 2*count)
	for i := range count {
		share := max(low, shares[i*(len(shares)-1)/max(1, count-1)])
		from, to := float64(i*len(shares))/float64(count), float64((i+1)*len(shares))/float64(count)
		points = append(points, plotter.XY{X: from, Y: share}, plotter.XY{X: to, Y: share})
	}
	return points
}

// evenLabel names the dashed line where there is room: on the right, above
// the tail.
type evenLabel struct{ share, n float64 }

func (e evenLabel) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	s := style(p.X.Tick.Label, ink)
	s.XAlign, s.YAlign = draw.XRight, draw.YBottom
	c.FillText(s, vg.Point{X: x(e.n), Y: y(e.share) + vg.Points(4)}, "even split")
}

// GlyphBoxes makes room above for the label of a line at the top.
func (e evenLabel) GlyphBoxes(p *plot.Plot) []plot.GlyphBox {
	return []plot.GlyphBox{{X: 0, Y: p.Y.Norm(e.share), Rectangle: vg.Rectangle{Max: vg.Point{Y: vg.Points(20)}}}}
}

// shareTicks are up to six round shares from 0 to end, as percentages.
func shareTicks(end float64) (ticks []plot.Tick) {
	step := roundStep(end, 4)
	for i := 0; float64(i)*step <= end*(1+1e-9); i++ {
		v := float64(i) * step
		ticks = append(ticks, plot.Tick{Value: v, Label: strconv.FormatFloat(math.Round(v*1e8)/1e6, 'g', 6, 64) + " %"})
	}
	return ticks
}

// logTicks are the powers of ten between the shares, four at most, and the
// foot of the scale, where shares of nothing are drawn too.
func logTicks(shares []float64) (low float64, ticks []plot.Tick) {
	least := shares[0]
	for _, s := range shares {
		if s > 0 {
			least = s
		}
	}
	least = max(least, shares[0]/1e4)
	for power := math.Floor(math.Log10(shares[0])); ; power-- {
		v := math.Pow(10, power)
		ticks = append(ticks, plot.Tick{Value: v, Label: strconv.FormatFloat(v*100, 'g', 3, 64) + " %"})
		if v <= least {
			return v, ticks
		}
	}
}

// rankTicks are round numbers up to n.
func rankTicks(n int) (ticks []plot.Tick) {
	step := max(1, roundStep(float64(n), 4))
	for i := 0; float64(i)*step <= float64(n); i++ {
		v := float64(i) * step
		ticks = append(ticks, plot.Tick{Value: v, Label: thousands(int64(v))})
	}
	return ticks
}

// roundStep is the smallest of 1, 2, 5 · 10^i that divides end into at most
// parts + 1 steps.
func roundStep(end float64, parts int) float64 {
	unit := math.Pow(10, math.Floor(math.Log10(end/float64(parts))))
	for _, m := range []float64{1, 2, 5} {
		if end/(m*unit) <= float64(parts)+1 {
			return m * unit
		}
	}
	return 10 * unit
}

// descending returns the finite shares above 0, largest first, filled up with
// zeros to n, and scaled to a sum of 1; nil if there is nothing.
func descending(weights []float64, n int) []float64 {
	var shares []float64
	var sum float64
	for _, w := range weights {
		if finite(w) && w > 0 {
			shares = append(shares, w)
		}
	}
	slices.Sort(shares)
	slices.Reverse(shares)
	for _, w := range shares {
		sum += w
	}
	if len(shares) == 0 || !finite(sum) {
		return nil
	}
	for i := range shares {
		shares[i] /= sum
	}
	for len(shares) < max(n, len(weights)) {
		shares = append(shares, 0)
	}
	return shares
}
