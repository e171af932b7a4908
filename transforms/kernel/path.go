package kernel

// A path is one way to do the inner loops, in the instructions that one kind
// of processor has. All paths give what is exported the same results.
type path struct {
	name string
	// rows and cols are the size of a tile: sums that are kept in registers.
	// rows divides blockRows, cols divides lanes.
	rows, cols int
	// tile computes c[i*stride+j] += Σ a[i*aStride+p]·b[p*cols+j], for p from 0
	// to depth−1 in ascending order, for all i < rows and j < cols; the sums
	// begin with 0 rather than with c if first is set.
	tile func(depth int, a, b, c []float32, stride int, first bool)
	// maxima writes for each lane the largest score at that place modulo lanes.
	// len(scores) must be a positive multiple of lanes.
	maxima func(scores []float32, out *[lanes]float32)
	// atLeast sets bit j of mask[w] where scores[w*lanes+j] is not less than
	// floor (NaN is not), and clears the others. len(scores) must be
	// lanes·len(mask).
	atLeast func(scores []float32, floor float32, mask []uint64)
	// dots writes to out what Dot gives for a and those rows of b, of len(a)
	// values each, that index tells. len(index) must be a multiple of rowGroup.
	dots func(a, b []float32, index []int32, out []float32)
	// addScaled is AddScaled.
	addScaled func(y []float32, scale float32, x []float32)
	// squares adds the squares of v in float64, in any order.
	squares func(v []float32) float64
}

const (
	// lanes is how many scores make a word of a mask.
	lanes = 64
	// rowGroup is how many rows dots takes at a time.
	rowGroup = 8
	// depthBlock is how many columns a pass over a tile covers: the part of b
	// that it reads, 32 KiB for the widest tile, then stays in a core's first
	// cache.
	depthBlock = 256
	// aStride is the distance of rows in a block's copy of a. It is no power of
	// two, since the rows of a tile would then share few places of the cache.
	aStride = depthBlock + 16
)

// active is the path taken: the fastest that this processor has.
var active = paths()[0]

var portable = path{
	name: "portable", rows: 2, cols: 4,
	tile: tilePortable, maxima: maximaPortable, atLeast: atLeastPortable,
	dots: dotsPortable, addScaled: addScaledPortable, squares: squaresPortable,
}

func tilePortable(depth int, a, b, c []float32, stride int, first bool) {
	a0, a1 := a[:depth], a[aStride:][:depth]
	c0, c1 := c[:4:4], c[stride:][:4:4]
	var s00, s01, s02, s03, s10, s11, s12, s13 float32
	if !first {
		s00, s01, s02, s03 = c0[0], c0[1], c0[2], c0[3]
		s10, s11, s12, s13 = c1[0], c1[1], c1[2], c1[3]
	}
	for p, x := range a0 {
		y := a1[p]
		v := b[4*p:][:4:4]
		s00 += x * v[0]
		s10 += y * v[0]
		s01 += x * v[1]
		s11 += y * v[1]
		s02 += x * v[2]
		s12 += y * v[2]
		s03 += x * v[3]
		s13 += y * v[3]
	}
	c0[0], c0[1], c0[2], c0[3] = s00, s01, s02, s03
	c1[0], c1[1], c1[2], c1[3] = s10, s11, s12, s13
}

func maximaPortable(scores []float32, out *[lanes]float32) {
	copy(out[:], scores)
	for scores = scores[lanes:]; len(scores) >= lanes; scores = scores[lanes:] {
		for j, score := range scores[:lanes] {
			if score > out[j] {
				out[j] = score
			}
		}
	}
}

func atLeastPortable(scores []float32, floor float32, mask []uint64) {
	for w := range mask {
		var bits uint64
		for j, score := range scores[w*lanes:][:lanes] {
			if !(score < floor) {
				bits |= 1 << j
			}
		}
		mask[w] = bits
	}
}

func dotsPortable(a, b []float32, index []int32, out []float32) {
	for j, i := range index {
		out[j] = Dot(a, b[int(i)*len(a):][:len(a)])
	}
}

func addScaledPortable(y []float32, scale float32, x []float32) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] += float32(scale * v)
	}
}

func squaresPortable(v []float32) float64 {
	var s0, s1 float64
	for len(v) >= 2 {
		x, y := float64(v[0]), float64(v[1])
		s0 += x * x
		s1 += y * y
		v = v[2:]
	}
	for _, x := range v {
		s0 += float64(x) * float64(x)
	}
	return s0 + s1
}
