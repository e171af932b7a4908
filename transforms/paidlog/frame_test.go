package paidlog

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

func TestRecordRoundTrip(t *testing.T) {
	for i := range 20 {
		want := record(i, 7, strings.Repeat("x", i*1000))
		got, err := parseRecord(appendRecord(nil, &want))
		if err != nil || !reflect.DeepEqual(*got, want) {
			t.Fatalf("%+v, %v, want %+v", got, err, want)
		}
	}
	r := record(0, 7, "a")
	b := appendRecord(nil, &r)
	for n := range b {
		if _, err := parseRecord(b[:n]); err == nil {
			t.Errorf("%d of %d bytes are a record", n, len(b))
		}
	}
	if _, err := parseRecord(append(b, 0)); err == nil {
		t.Error("a byte more is a record")
	}
}

// Whatever stands in a log file, its stretches are frames or damage, and the
// frames are those that were written.
func FuzzScan(f *testing.F) {
	var good []byte
	for i := range 3 {
		r := record(i, 7, "a")
		good, _ = appendFrame(good, &r)
	}
	f.Add(good)
	f.Add(good[1:])
	f.Add(good[:len(good)-1])
	f.Add([]byte(frameMagic + frameMagic))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		var covered int64
		var again []byte
		damages, err := scan(bytes.NewReader(data), int64(len(data)), func(p place) {
			covered += int64(p.length) + int64(frameHeader)
			r, err := parseRecord(data[p.offset : p.offset+int64(p.length)])
			if err != nil {
				t.Fatal(err)
			}
			if folderStart(r.Key[0]) != p.start {
				t.Fatalf("key %v in folder %d", r.Key, p.start)
			}
			if again, err = appendFrame(again, r); err != nil {
				t.Fatal(err)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range damages {
			covered += d.length
		}
		if covered != int64(len(data)) {
			t.Fatalf("frames and damage cover %d of %d bytes", covered, len(data))
		}
		// Frames with more good ones behind them are still found.
		n := 0
		if _, err := scan(bytes.NewReader(append(again, good...)), int64(len(again)+len(good)), func(place) { n++ }); err != nil || n < 3 {
			t.Fatalf("%d frames, %v", n, err)
		}
	})
}

func FuzzReadPart(f *testing.F) {
	f.Add([]byte("PAR1"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		readPart(data, nil) // nil: it may find nothing in junk
	})
}

// Frames are found across the borders of what is read at once.
func TestScanLongFile(t *testing.T) {
	var data []byte
	const n = 40
	for i := range n {
		r := record(i, 7, strings.Repeat("x", 100_003*(i%3)))
		var err error
		if data, err = appendFrame(data, &r); err != nil {
			t.Fatal(err)
		}
		data = append(data, strings.Repeat("junk", 20_011*(i%4))...)
	}
	found := 0
	damages, err := scan(bytes.NewReader(data), int64(len(data)), func(place) { found++ })
	if err != nil || found != n || len(damages) != n*3/4 {
		t.Errorf("%d frames and %d damages, %v, want %d and %d", found, len(damages), err, n, n*3/4)
	}
}
