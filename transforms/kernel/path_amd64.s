#include "textflag.h"

// The inner loops; path.go says what each must compute.
//
// Tiles. Both hold all sums of a tile in registers and run once over depth. A
// step loads one row of the packed panel of b (contiguous, cols values), then
// for each row of a broadcasts one value and multiplies it into the row's
// sums. Every sum is one chain of fused multiply-adds in ascending order of p,
// so both tiles give the same bits, wherever an element stands. Rows and
// columns that a matrix does not have are padding in the caller's buffers:
// there are no edges here.
//
// Registers: CX steps left, SI a, DI b, DX c, R8 bytes between rows of c.

// Bytes between rows of a: 4·aStride.
#define A 1088

#define ARGUMENTS \
	MOVQ depth+0(FP), CX      \
	MOVQ a_base+8(FP), SI     \
	MOVQ b_base+32(FP), DI    \
	MOVQ c_base+56(FP), DX    \
	MOVQ stride+80(FP), R8    \
	SHLQ $2, R8

// ---- 14 × 32 in AVX-512: sums in Z0 … Z27, b in Z28 and Z29, a in Z30.

#define ZERO512(lo, hi) \
	VPXORD lo, lo, lo \
	VPXORD hi, hi, hi

#define LOAD512(lo, hi) \
	VMOVUPS (R9), lo   \
	VMOVUPS 64(R9), hi \
	ADDQ    R8, R9

#define STORE512(lo, hi) \
	VMOVUPS lo, (DX)   \
	VMOVUPS hi, 64(DX) \
	ADDQ    R8, DX

#define STEP512(i, lo, hi) \
	VBROADCASTSS (i*A)(SI), Z30 \
	VFMADD231PS  Z28, Z30, lo   \
	VFMADD231PS  Z29, Z30, hi

#define EACH512(do) \
	do(Z0, Z1)   \
	do(Z2, Z3)   \
	do(Z4, Z5)   \
	do(Z6, Z7)   \
	do(Z8, Z9)   \
	do(Z10, Z11) \
	do(Z12, Z13) \
	do(Z14, Z15) \
	do(Z16, Z17) \
	do(Z18, Z19) \
	do(Z20, Z21) \
	do(Z22, Z23) \
	do(Z24, Z25) \
	do(Z26, Z27)

// func tileAVX512(depth int, a, b, c []float32, stride int, first bool)
TEXT ·tileAVX512(SB), NOSPLIT, $0-89
	ARGUMENTS
	CMPB first+88(FP), $0
	JEQ  load
	EACH512(ZERO512)
	JMP  loop

load:
	MOVQ DX, R9
	EACH512(LOAD512)

loop:
	VMOVUPS (DI), Z28
	VMOVUPS 64(DI), Z29
	STEP512(0, Z0, Z1)
	STEP512(1, Z2, Z3)
	STEP512(2, Z4, Z5)
	STEP512(3, Z6, Z7)
	STEP512(4, Z8, Z9)
	STEP512(5, Z10, Z11)
	STEP512(6, Z12, Z13)
	STEP512(7, Z14, Z15)
	STEP512(8, Z16, Z17)
	STEP512(9, Z18, Z19)
	STEP512(10, Z20, Z21)
	STEP512(11, Z22, Z23)
	STEP512(12, Z24, Z25)
	STEP512(13, Z26, Z27)
	ADDQ $4, SI
	ADDQ $128, DI
	DECQ CX
	JNZ  loop

	EACH512(STORE512)
	VZEROUPPER
	RET

// ---- 6 × 16 in AVX2 with FMA: sums in Y0 … Y11, b in Y12 and Y13, a in Y14.

#define ZERO2(lo, hi) \
	VXORPS lo, lo, lo \
	VXORPS hi, hi, hi

#define LOAD2(lo, hi) \
	VMOVUPS (R9), lo   \
	VMOVUPS 32(R9), hi \
	ADDQ    R8, R9

#define STORE2(lo, hi) \
	VMOVUPS lo, (DX)   \
	VMOVUPS hi, 32(DX) \
	ADDQ    R8, DX

#define STEP2(i, lo, hi) \
	VBROADCASTSS (i*A)(SI), Y14 \
	VFMADD231PS  Y12, Y14, lo   \
	VFMADD231PS  Y13, Y14, hi

#define EACH2(do) \
	do(Y0, Y1)  \
	do(Y2, Y3)  \
	do(Y4, Y5)  \
	do(Y6, Y7)  \
	do(Y8, Y9)  \
	do(Y10, Y11)

// func tileAVX2(depth int, a, b, c []float32, stride int, first bool)
TEXT ·tileAVX2(SB), NOSPLIT, $0-89
	ARGUMENTS
	CMPB first+88(FP), $0
	JEQ  load
	EACH2(ZERO2)
	JMP  loop

load:
	MOVQ DX, R9
	EACH2(LOAD2)

loop:
	VMOVUPS (DI), Y12
	VMOVUPS 32(DI), Y13
	STEP2(0, Y0, Y1)
	STEP2(1, Y2, Y3)
	STEP2(2, Y4, Y5)
	STEP2(3, Y6, Y7)
	STEP2(4, Y8, Y9)
	STEP2(5, Y10, Y11)
	ADDQ $4, SI
	ADDQ $64, DI
	DECQ CX
	JNZ  loop

	EACH2(STORE2)
	VZEROUPPER
	RET

// func maximaAVX(scores []float32, out *[lanes]float32)
//
// Y0 … Y7 are the 64 maxima so far.
TEXT ·maximaAVX(SB), NOSPLIT, $0-32
	MOVQ scores_base+0(FP), SI
	MOVQ scores_len+8(FP), CX
	MOVQ out+24(FP), DI
	VMOVUPS (SI), Y0
	VMOVUPS 32(SI), Y1
	VMOVUPS 64(SI), Y2
	VMOVUPS 96(SI), Y3
	VMOVUPS 128(SI), Y4
	VMOVUPS 160(SI), Y5
	VMOVUPS 192(SI), Y6
	VMOVUPS 224(SI), Y7
	JMP  next

loop:
	VMAXPS (SI), Y0, Y0
	VMAXPS 32(SI), Y1, Y1
	VMAXPS 64(SI), Y2, Y2
	VMAXPS 96(SI), Y3, Y3
	VMAXPS 128(SI), Y4, Y4
	VMAXPS 160(SI), Y5, Y5
	VMAXPS 192(SI), Y6, Y6
	VMAXPS 224(SI), Y7, Y7

next:
	ADDQ $256, SI
	SUBQ $64, CX
	JG   loop

	VMOVUPS Y0, (DI)
	VMOVUPS Y1, 32(DI)
	VMOVUPS Y2, 64(DI)
	VMOVUPS Y3, 96(DI)
	VMOVUPS Y4, 128(DI)
	VMOVUPS Y5, 160(DI)
	VMOVUPS Y6, 192(DI)
	VMOVUPS Y7, 224(DI)
	VZEROUPPER
	RET

// Predicate 0x1A is "floor is not greater than the score", true for NaN.
#define COMPARE(offset, y, bits) \
	VCMPPS    $0x1A, offset(SI), Y0, y \
	VMOVMSKPS y, bits

// func atLeastAVX(scores []float32, floor float32, mask []uint64)
//
// Y0 is the floor. Each comparison gives 8 bits; a word is put together from
// its two halves, AX the lower, BX the upper.
TEXT ·atLeastAVX(SB), NOSPLIT, $0-56
	MOVQ scores_base+0(FP), SI
	VBROADCASTSS floor+24(FP), Y0
	MOVQ mask_base+32(FP), DI
	MOVQ mask_len+40(FP), CX
	TESTQ CX, CX
	JEQ  done

loop:
	COMPARE(0, Y1, AX)
	COMPARE(32, Y2, R8)
	COMPARE(64, Y3, R9)
	COMPARE(96, Y4, R10)
	COMPARE(128, Y5, BX)
	COMPARE(160, Y6, R11)
	COMPARE(192, Y7, R12)
	COMPARE(224, Y8, R13)
	SHLQ $8, R8
	SHLQ $16, R9
	SHLQ $24, R10
	SHLQ $8, R11
	SHLQ $16, R12
	SHLQ $24, R13
	ORQ  R8, AX
	ORQ  R10, R9
	ORQ  R11, BX
	ORQ  R13, R12
	ORQ  R9, AX
	ORQ  R12, BX
	SHLQ $32, BX
	ORQ  BX, AX
	MOVQ AX, (DI)
	ADDQ $256, SI
	ADDQ $8, DI
	DECQ CX
	JNZ  loop

done:
	VZEROUPPER
	RET

// Not fused: Dot rounds each product before it adds it.
#define DOT(row, product, sum) \
	VMULPS (row)(DX*4), X8, product \
	VADDPS product, sum, sum

#define DOT1(row, sum) \
	VMULSS (row)(DX*4), X8, X9 \
	VADDSS X9, sum, sum

// func dotsAVX(a, b []float32, index []int32, out []float32)
//
// Each of eight rows of b has its four interleaved sums in one of X0 … X7; R8
// … R13, AX and BX point to the rows, DX counts values. DI is the place in
// index, R14 the one in out.
TEXT ·dotsAVX(SB), NOSPLIT, $0-96
#define ROW(r, to) \
	MOVLQSX (4*r)(DI), to         \
	IMULQ   CX, to                \
	SHLQ    $2, to                \
	ADDQ    b_base+24(FP), to

	MOVQ a_base+0(FP), SI
	MOVQ a_len+8(FP), CX
	MOVQ index_base+48(FP), DI
	MOVQ out_base+72(FP), R14
	MOVQ index_len+56(FP), R15
	SHLQ $2, R15
	ADDQ DI, R15
	JMP  next

group:
	ROW(0, R8)
	ROW(1, R9)
	ROW(2, R10)
	ROW(3, R11)
	ROW(4, R12)
	ROW(5, R13)
	ROW(6, AX)
	ROW(7, BX)
	VXORPS X0, X0, X0
	VXORPS X1, X1, X1
	VXORPS X2, X2, X2
	VXORPS X3, X3, X3
	VXORPS X4, X4, X4
	VXORPS X5, X5, X5
	VXORPS X6, X6, X6
	VXORPS X7, X7, X7
	MOVQ CX, DX
	ANDQ $~3, DX
	JEQ  tail
	LEAQ (SI)(DX*4), SI
	LEAQ (R8)(DX*4), R8
	LEAQ (R9)(DX*4), R9
	LEAQ (R10)(DX*4), R10
	LEAQ (R11)(DX*4), R11
	LEAQ (R12)(DX*4), R12
	LEAQ (R13)(DX*4), R13
	LEAQ (AX)(DX*4), AX
	LEAQ (BX)(DX*4), BX
	NEGQ DX

loop:
	VMOVUPS (SI)(DX*4), X8
	DOT(R8, X9, X0)
	DOT(R9, X10, X1)
	DOT(R10, X11, X2)
	DOT(R11, X12, X3)
	DOT(R12, X13, X4)
	DOT(R13, X14, X5)
	DOT(AX, X9, X6)
	DOT(BX, X10, X7)
	ADDQ $4, DX
	JLT  loop

	// Up to three values are left; the first sum takes them.
tail:
	MOVQ CX, DX
	ANDQ $3, DX
	JEQ  add
	LEAQ (SI)(DX*4), SI
	LEAQ (R8)(DX*4), R8
	LEAQ (R9)(DX*4), R9
	LEAQ (R10)(DX*4), R10
	LEAQ (R11)(DX*4), R11
	LEAQ (R12)(DX*4), R12
	LEAQ (R13)(DX*4), R13
	LEAQ (AX)(DX*4), AX
	LEAQ (BX)(DX*4), BX
	NEGQ DX

rest:
	VMOVSS (SI)(DX*4), X8
	DOT1(R8, X0)
	DOT1(R9, X1)
	DOT1(R10, X2)
	DOT1(R11, X3)
	DOT1(R12, X4)
	DOT1(R13, X5)
	DOT1(AX, X6)
	DOT1(BX, X7)
	INCQ DX
	JLT  rest

	// (0+1)+(2+3) of four rows at a time.
add:
	MOVQ    a_base+0(FP), SI
	VHADDPS X1, X0, X0
	VHADDPS X3, X2, X2
	VHADDPS X2, X0, X0
	VHADDPS X5, X4, X4
	VHADDPS X7, X6, X6
	VHADDPS X6, X4, X4
	VMOVUPS X0, (R14)
	VMOVUPS X4, 16(R14)
	ADDQ    $32, DI
	ADDQ    $32, R14

next:
	CMPQ DI, R15
	JLT  group
	RET

// func addScaledAVX(y []float32, scale float32, x []float32)
TEXT ·addScaledAVX(SB), NOSPLIT, $0-56
	MOVQ y_base+0(FP), DI
	VBROADCASTSS scale+24(FP), Y0
	MOVQ x_base+32(FP), SI
	MOVQ x_len+40(FP), CX
	JMP  next

	// Not fused, as in Dot.
loop:
	VMULPS  (SI), Y0, Y1
	VMULPS  32(SI), Y0, Y2
	VADDPS  (DI), Y1, Y1
	VADDPS  32(DI), Y2, Y2
	VMOVUPS Y1, (DI)
	VMOVUPS Y2, 32(DI)
	ADDQ    $64, SI
	ADDQ    $64, DI

next:
	SUBQ $16, CX
	JGE  loop
	ADDQ $16, CX
	JEQ  done

rest:
	VMULSS (SI), X0, X1
	VADDSS (DI), X1, X1
	VMOVSS X1, (DI)
	ADDQ   $4, SI
	ADDQ   $4, DI
	DECQ   CX
	JNZ    rest

done:
	VZEROUPPER
	RET

// func squaresAVX(v []float32) float64
//
// Y0 … Y3 are sixteen sums.
TEXT ·squaresAVX(SB), NOSPLIT, $0-32
	MOVQ v_base+0(FP), SI
	MOVQ v_len+8(FP), CX
	VXORPD Y0, Y0, Y0
	VXORPD Y1, Y1, Y1
	VXORPD Y2, Y2, Y2
	VXORPD Y3, Y3, Y3
	JMP  next

loop:
	VCVTPS2PD (SI), Y4
	VCVTPS2PD 16(SI), Y5
	VCVTPS2PD 32(SI), Y6
	VCVTPS2PD 48(SI), Y7
	VFMADD231PD Y4, Y4, Y0
	VFMADD231PD Y5, Y5, Y1
	VFMADD231PD Y6, Y6, Y2
	VFMADD231PD Y7, Y7, Y3
	ADDQ $64, SI

next:
	SUBQ $16, CX
	JGE  loop
	VADDPD Y1, Y0, Y0
	VADDPD Y3, Y2, Y2
	VADDPD Y2, Y0, Y0
	VEXTRACTF128 $1, Y0, X1
	VADDPD X1, X0, X0
	VHADDPD X0, X0, X0
	ADDQ $16, CX
	JEQ  done

rest:
	VMOVSS (SI), X1
	VCVTSS2SD X1, X1, X1
	VFMADD231SD X1, X1, X0
	ADDQ $4, SI
	DECQ CX
	JNZ  rest

done:
	VMOVSD X0, ret+24(FP)
	VZEROUPPER
	RET
