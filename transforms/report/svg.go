package report

import (
	"bytes"
	"fmt"
	"html"
	"html/template"
	"image/color"
	"regexp"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// The size of every plot in units of its view box. On the page they are
// shown at 0.9 to 1.2 times that size, so that their text stays readable from
// a phone to a wide screen.
const (
	plotWidth  = 380 * vg.Length(1)
	plotHeight = 236 * vg.Length(1)
)

// The plots are drawn in these stand-ins, which no style sheet would choose,
// and inkOf puts the page's colours in their place, so that a plot follows
// light and dark. Pure black is none of them: vgsvg leaves it out.
var (
	ink    = color.RGBA{R: 1, G: 2, B: 3, A: 255}
	muted  = color.RGBA{R: 2, G: 3, B: 4, A: 255}
	rule   = color.RGBA{R: 3, G: 4, B: 5, A: 255}
	accent = color.RGBA{R: 4, G: 5, B: 6, A: 255}
	wash   = color.RGBA{R: 5, G: 6, B: 7, A: 255}
)

var inkOf = strings.NewReplacer(
	"#010203", "var(--ink)",
	"#020304", "var(--muted)",
	"#030405", "var(--rule)",
	"#040506", "var(--accent)",
	"#050607", "var(--wash)",
)

// fontOf matches what vgsvg says of a text's font; without it the text takes
// the page's.
var fontOf = regexp.MustCompile(`font-(family|variant|weight|style):[^;"]*;?`)

// textOf matches a label, with its text.
var textOf = regexp.MustCompile(`<text ([^>]*)>([^<]*)</text>`)

// labelFont is the font of all labels; the page asks for others of its
// widths (Arial, Helvetica) in its place.
var labelFont = font.Font{Typeface: "Liberation", Variant: "Sans", Size: 12}

// inline draws p and returns it as an <svg> element for the middle of a page:
// without XML's head and name spaces, of no fixed size, named by label.
func inline(p *plot.Plot, label string) (template.HTML, error) {
	canvas := vgsvg.New(plotWidth, plotHeight)
	p.Draw(draw.New(canvas))
	var text bytes.Buffer
	if _, err := canvas.WriteTo(&text); err != nil {
		return "", fmt.Errorf("draw %q: %w", label, err)
	}
	svg := text.String()
	open := strings.Index(svg, "<svg")
	if open < 0 {
		return "", fmt.Errorf("draw %q: the canvas wrote no <svg>", label)
	}
	_, body, ok := strings.Cut(svg[open:], ">")
	if !ok {
		return "", fmt.Errorf("draw %q: the <svg> is not closed", label)
	}
	body = inkOf.Replace(fontOf.ReplaceAllString(body, ""))
	// The label is laid out with labelFont's widths: a wider font must not
	// make it run into the next thing, so it is told how wide it is.
	face := font.DefaultCache.Lookup(labelFont, labelFont.Size)
	body = textOf.ReplaceAllStringFunc(body, func(element string) string {
		part := textOf.FindStringSubmatch(element)
		width := face.Width(html.UnescapeString(part[2])).Points()
		return fmt.Sprintf(`<text textLength="%.1f" lengthAdjust="spacingAndGlyphs" %s>%s</text>`, width, part[1], part[2])
	})
	head := fmt.Sprintf(`<svg viewBox="0 0 %g %g" role="img" aria-label="%s">`,
		plotWidth.Points(), plotHeight.Points(), html.EscapeString(label))
	return template.HTML(head + body), nil
}
