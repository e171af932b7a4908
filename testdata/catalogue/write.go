package catalogue

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
)

// The files of a world.
const (
	ItemsFile       = "items.csv"             // item_id, title, description, category
	EventsFile      = "events.csv"            // user_id, item_id, timestamp (Unix seconds), rating (1-5); by time
	InterestsFile   = "truth_interests.csv"   // interest, theme, items, popularity
	TruthItemsFile  = "truth_items.csv"       // item_id, interest, theme
	TransitionsFile = "truth_transitions.csv" // interest_1, interest_2, next_interest, probability
)

// UserID is the id of a user of the world.
func (w *World) UserID(user int32) string {
	return fmt.Sprintf("u%0*d", digits(w.Users), user+1)
}

// Write writes the files of the world into a directory, which it makes if it
// does not exist. Each file is replaced as a whole or not at all.
//
// truth_transitions.csv has, for every ordered pair of interests, what the
// hidden graph lets follow. What the probabilities of a pair leave to 1 is
// shared by all other interests outside the pair, in proportion to their
// popularity in truth_interests.csv.
func (w *World) Write(dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("making the folder of the catalogue: %w", err)
	}
	for _, file := range []struct {
		name  string
		write func(io.Writer) error
	}{
		{InterestsFile, w.writeInterests},
		{TruthItemsFile, w.writeTruthItems},
		{TransitionsFile, w.writeTransitions},
		{ItemsFile, w.writeItems},
		{EventsFile, w.writeEvents},
	} {
		if err := replace(filepath.Join(dir, file.name), file.write); err != nil {
			return fmt.Errorf("writing the catalogue: %w", err)
		}
	}
	return nil
}

// replace writes a file beside path and renames it.
func replace(path string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	out := bufio.NewWriterSize(f, 1<<20)
	err = write(out)
	if err == nil {
		err = out.Flush()
	}
	if err == nil {
		err = f.Chmod(0o644) // temporary files are private
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func (w *World) writeItems(out io.Writer) error {
	return writeCSV(out, []string{"item_id", "title", "description", "category"}, len(w.Items), func(i int) []string {
		item := w.Items[i]
		return []string{item.ID, item.Title, item.Description, item.Category}
	})
}

func (w *World) writeTruthItems(out io.Writer) error {
	return writeCSV(out, []string{"item_id", "interest", "theme"}, len(w.Items), func(i int) []string {
		in := w.Truth.Interests[w.Truth.ItemInterest[i]]
		return []string{w.Items[i].ID, in.Name, in.Theme}
	})
}

func (w *World) writeInterests(out io.Writer) error {
	return writeCSV(out, []string{"interest", "theme", "items", "popularity"}, len(w.Truth.Interests), func(i int) []string {
		in := w.Truth.Interests[i]
		return []string{in.Name, in.Theme, strconv.Itoa(in.Items), strconv.FormatFloat(in.Popularity, 'f', 6, 64)}
	})
}

func writeCSV(out io.Writer, header []string, rows int, row func(int) []string) error {
	w := csv.NewWriter(out)
	if err := w.Write(header); err != nil {
		return err
	}
	for i := range rows {
		if err := w.Write(row(i)); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

func (w *World) writeTransitions(out io.Writer) error {
	c := csv.NewWriter(out)
	if err := c.Write([]string{"interest_1", "interest_2", "next_interest", "probability"}); err != nil {
		return err
	}
	interests, d := w.Truth.Interests, w.Truth.drift
	graph := make([]float64, d.n)
	for a := range int32(d.n) {
		for b := range int32(d.n) {
			if a == b {
				continue
			}
			clear(graph)
			d.structure(graph, a, b)
			for x, p := range d.next(a, b) {
				if graph[x] == 0 || p == 0 {
					continue
				}
				row := []string{interests[a].Name, interests[b].Name, interests[x].Name, strconv.FormatFloat(p, 'f', 4, 64)}
				if err := c.Write(row); err != nil {
					return err
				}
			}
		}
	}
	c.Flush()
	return c.Error()
}

// writeEvents writes rows by hand, which is several times faster than
// encoding/csv: no field needs quotes.
func (w *World) writeEvents(out io.Writer) error {
	if _, err := io.WriteString(out, "user_id,item_id,timestamp,rating\n"); err != nil {
		return err
	}
	width := digits(w.Users)
	var row []byte
	for i := range w.Events {
		e := &w.Events[i]
		row = append(row[:0], 'u')
		row = appendPadded(row, int(e.User)+1, width)
		row = append(row, ',')
		row = append(row, w.Items[e.Item].ID...)
		row = append(row, ',')
		row = strconv.AppendInt(row, int64(e.Time), 10)
		row = append(row, ',', '0'+e.Rating, '\n')
		if _, err := out.Write(row); err != nil {
			return err
		}
	}
	return nil
}

// appendPadded appends n ≥ 0 with zeros in front, to width digits.
func appendPadded(to []byte, n, width int) []byte {
	var digits [20]byte
	i := len(digits)
	for ; n > 0 || width > 0; width-- {
		i--
		digits[i] = byte('0' + n%10)
		n /= 10
	}
	return append(to, digits[i:]...)
}
