package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/parquet-go/parquet-go"

	"foray/transforms/kernel"
)

const (
	directions = 2000
	noise      = 1.2 // length of what an item has beside its direction
	exponent   = 0.8
	// eventsPerItem is their mean.
	eventsPerItem = 10
)

// The files of a folder: those that every rival reads, and a catalogue.
const (
	vectorsFile = "vectors.f32"
	weightsFile = "weights.f64"
	itemsFile   = "items.parquet"
	eventsFile  = "events.parquet"
)

type item struct {
	ItemID    string    `parquet:"item_id"`
	Title     string    `parquet:"title"`
	Embedding []float32 `parquet:"embedding,list"`
}

type event struct {
	UserID    string `parquet:"user_id"`
	ItemID    string `parquet:"item_id"`
	Timestamp int64  `parquet:"timestamp"`
}

func itemID(i int) string { return fmt.Sprintf("item-%07d", i) }

func generate(n, dims int, folder string) error {
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(1, uint64(dims)))
	towards := kernel.New(directions, dims)
	for i := range towards.Data {
		towards.Data[i] = float32(rng.NormFloat64())
	}
	towards.NormalizeRows()
	x, items := kernel.New(n, dims), make([]item, n)
	for i := range n {
		of, row := rng.IntN(directions), x.Row(i)
		for j, v := range towards.Row(of) {
			row[j] = v + float32(noise/math.Sqrt(float64(dims))*rng.NormFloat64())
		}
		kernel.Normalize(row)
		items[i] = item{ItemID: itemID(i), Title: title(of, rng), Embedding: row}
	}
	// Every item has an event, so that it has a weight.
	share, total := make([]float64, n), 0.0
	for i, rank := range rng.Perm(n) {
		share[i] = math.Pow(float64(rank+1), -exponent)
		total += share[i]
	}
	weight := make([]float64, n)
	var events []event
	for i := range weight {
		weight[i] = 1 + math.Round((eventsPerItem-1)*float64(n)*share[i]/total)
		for range int(weight[i]) {
			events = append(events, event{fmt.Sprintf("user-%07d", rng.IntN(n)), itemID(i), 1_700_000_000 + rng.Int64N(1e7)})
		}
	}
	if err := writeNumbers(filepath.Join(folder, vectorsFile), x.Data); err != nil {
		return err
	}
	if err := parquet.WriteFile(filepath.Join(folder, itemsFile), items); err != nil {
		return err
	}
	if err := parquet.WriteFile(filepath.Join(folder, eventsFile), events); err != nil {
		return err
	}
	// Last, since it tells that all are there.
	return writeNumbers(filepath.Join(folder, weightsFile), weight)
}

// title is three of the twenty words that items of a direction share.
func title(of int, rng *rand.Rand) string {
	const letters = "bdfgklmnprstvz"
	words := make([]string, 3)
	for w := range words {
		n := 20*of + rng.IntN(20)
		for range 4 {
			words[w] += string(letters[n%len(letters)]) + string("aeiou"[n/7%5])
			n /= len(letters)
		}
	}
	return strings.Join(words, " ")
}

// load reads what generate wrote; the weights tell how many items there are.
func load(folder string) (kernel.Matrix, []float64, error) {
	weight, err := readNumbers[float64](filepath.Join(folder, weightsFile))
	if err != nil {
		return kernel.Matrix{}, nil, err
	}
	data, err := readNumbers[float32](filepath.Join(folder, vectorsFile))
	if err != nil {
		return kernel.Matrix{}, nil, err
	}
	return kernel.Matrix{Rows: len(weight), Cols: len(data) / len(weight), Data: data}, weight, nil
}

func writeNumbers(path string, numbers any) error {
	var b bytes.Buffer
	if err := binary.Write(&b, binary.LittleEndian, numbers); err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o666)
}

func readNumbers[T int32 | float32 | float64](path string) ([]T, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var one T
	numbers := make([]T, len(data)/binary.Size(one))
	_, err = binary.Decode(data, binary.LittleEndian, numbers)
	return numbers, err
}
