package kernel

// Dot returns the dot product of a and b, which must have the same length. It
// adds in one fixed order, four interleaved sums and then (0+1)+(2+3), which
// is the order by which every ranking in Foray is decided.
func Dot(a, b []float32) float32 {
	b = b[:len(a)]
	var s0, s1, s2, s3 float32
	for len(a) >= 4 && len(b) >= 4 {
		s0 += a[0] * b[0]
		s1 += a[1] * b[1]
		s2 += a[2] * b[2]
		s3 += a[3] * b[3]
		a, b = a[4:], b[4:]
	}
	for i, x := range a {
		s0 += x * b[i]
	}
	return (s0 + s1) + (s2 + s3)
}

// AddScaled adds scale·x to y, in place. x and y must have the same length.
func AddScaled(y []float32, scale float32, x []float32) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] += scale * v
	}
}

// product writes the dot products of all rows of a with all rows of b:
// out[i*b.Rows+j] = a.Row(i)·b.Row(j). It is the one place where nearly all
// time goes, so this is where a faster kernel belongs.
//
// Its contract: an element depends on its two rows alone, not on where they
// stand in the block; the order of its sum is otherwise free.
var product = productPortable

// productPortable computes tiles of 2 × 4, which keeps eight sums in
// registers and loads each value of a tile once.
func productPortable(a, b Matrix, out []float32) {
	n := b.Rows
	i := 0
	for ; i+2 <= a.Rows; i += 2 {
		a0, a1 := a.Row(i), a.Row(i+1)
		o0, o1 := out[i*n:(i+1)*n], out[(i+1)*n:(i+2)*n]
		j := 0
		for ; j+4 <= n; j += 4 {
			tile2x4(a0, a1, b.Row(j), b.Row(j+1), b.Row(j+2), b.Row(j+3), o0[j:j+4], o1[j:j+4])
		}
		for ; j < n; j++ {
			o0[j], o1[j] = plainDot(a0, b.Row(j)), plainDot(a1, b.Row(j))
		}
	}
	for ; i < a.Rows; i++ {
		for j := range n {
			out[i*n+j] = plainDot(a.Row(i), b.Row(j))
		}
	}
}

func tile2x4(a0, a1, b0, b1, b2, b3, o0, o1 []float32) {
	a1, b0, b1, b2, b3 = a1[:len(a0)], b0[:len(a0)], b1[:len(a0)], b2[:len(a0)], b3[:len(a0)]
	var s00, s01, s02, s03, s10, s11, s12, s13 float32
	for p, x := range a0 {
		y := a1[p]
		v := b0[p]
		s00 += x * v
		s10 += y * v
		v = b1[p]
		s01 += x * v
		s11 += y * v
		v = b2[p]
		s02 += x * v
		s12 += y * v
		v = b3[p]
		s03 += x * v
		s13 += y * v
	}
	o0[0], o0[1], o0[2], o0[3] = s00, s01, s02, s03
	o1[0], o1[1], o1[2], o1[3] = s10, s11, s12, s13
}

// plainDot adds in the order of tile2x4.
func plainDot(a, b []float32) float32 {
	b = b[:len(a)]
	var s float32
	for i, x := range a {
		s += x * b[i]
	}
	return s
}
