package main

import (
	"fmt"
	"math"
	"path/filepath"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
)

// growth draws the fit's time against items, floats and clusters, with FAISS
// at 25 iterations beside it.
func (c *clustering) growth() error {
	for _, of := range []struct {
		name   string
		values []int
		with   func(v vectors, value int) vectors
	}{
		{"items", []int{12_500, 25_000, 50_000, 100_000, 200_000}, func(v vectors, n int) vectors { v.n = n; return v }},
		{"floats", []int{32, 64, 128, 256, 512}, func(v vectors, dims int) vectors { v.n, v.dims = 50_000, dims; return v }},
		{"clusters", []int{95, 190, 380, 761, 1522}, func(v vectors, k int) vectors { v.n, v.k = 50_000, k; return v }},
	} {
		var ours, theirs plotter.XYs
		fmt.Printf("cluster: seconds by number of %s\n", of.name)
		for _, value := range of.values {
			v := of.with(mainVectors, value)
			f, err := c.fit(v)
			if err != nil {
				return err
			}
			faiss, err := c.rival("faiss-25", v)
			if err != nil {
				return err
			}
			fmt.Printf("  %9s  foray %6.2f, FAISS at 25 iterations %6.2f\n", number(value), f.Seconds, faiss.Seconds)
			ours = append(ours, plotter.XY{X: float64(value), Y: f.Seconds})
			theirs = append(theirs, plotter.XY{X: float64(value), Y: faiss.Seconds})
		}
		path := filepath.Join(c.dir, "by-"+of.name+".svg")
		if err := draw(path, of.name, ours, theirs); err != nil {
			return fmt.Errorf("drawing %s: %w", path, err)
		}
		fmt.Printf("  drawn in %s\n", path)
	}
	return nil
}

func draw(path, name string, ours, theirs plotter.XYs) error {
	p := plot.New()
	p.Title.Text = "Seconds to fit, by " + name
	p.X.Label.Text, p.Y.Label.Text = name, "seconds"
	p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
	var measured plot.ConstantTicks
	for _, point := range ours {
		measured = append(measured, plot.Tick{Value: point.X, Label: number(int(point.X))})
	}
	p.X.Tick.Marker, p.Y.Tick.Marker = measured, plot.TickerFunc(halvings)
	p.Legend.Top, p.Legend.Left = true, true
	if err := plotutil.AddLinePoints(p, "Foray", ours, "FAISS, 25 iterations", theirs); err != nil {
		return err
	}
	return p.Save(12*vg.Centimeter, 9*vg.Centimeter, path)
}

// halvings are the powers of two of a range.
func halvings(least, most float64) (ticks []plot.Tick) {
	for v := math.Exp2(math.Floor(math.Log2(least))); v <= 2*most; v *= 2 {
		ticks = append(ticks, plot.Tick{Value: v, Label: strconv.FormatFloat(v, 'g', -1, 64)})
	}
	return ticks
}
