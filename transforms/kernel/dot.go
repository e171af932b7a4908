package kernel

// Dot returns the dot product of a and b, which must have the same length. It
// adds in one fixed order, four interleaved sums and then (0+1)+(2+3), which
// is the order by which every ranking in Foray is decided.
//
// Products are rounded before they are added: the conversions keep a compiler
// from fusing the two, so that every processor gives the same bits.
func Dot(a, b []float32) float32 {
	b = b[:len(a)]
	var s0, s1, s2, s3 float32
	for len(a) >= 4 && len(b) >= 4 {
		s0 += float32(a[0] * b[0])
		s1 += float32(a[1] * b[1])
		s2 += float32(a[2] * b[2])
		s3 += float32(a[3] * b[3])
		a, b = a[4:], b[4:]
	}
	for i, x := range a {
		s0 += float32(x * b[i])
	}
	return (s0 + s1) + (s2 + s3)
}

// Dots writes Dot(a, b.Row(index[j])) to out[j] for all j, to the last bit, in
// a fraction of the time. a must have b.Cols values, and out as many as index.
func Dots(a []float32, b Matrix, index []int32, out []float32) {
	a, out = a[:b.Cols], out[:len(index)]
	whole := len(index) / rowGroup * rowGroup
	active.dots(a, b.Data, index[:whole], out)
	for j, i := range index[whole:] {
		out[whole+j] = Dot(a, b.Row(int(i)))
	}
}

// AddScaled adds scale·x to y, in place. y must be as long as x.
func AddScaled(y []float32, scale float32, x []float32) {
	active.addScaled(y[:len(x)], scale, x)
}
