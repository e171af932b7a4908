package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"foray/testdata/catalogue"
)

const items, clusters = 50_000, "761"

// shop is a generated catalogue: two files.
type shop struct {
	items, events string
}

// generate makes a catalogue in a folder of the bench, unless it is there. The
// items depend on their number alone, never on users and events.
//
// A process of its own makes it, because Linux hands a parent's peak memory
// on to its children: a large bench would be seen in every figure after.
func (b *bench) generate(folder string, users, events int) (shop, error) {
	dir := filepath.Join(b.dir, folder)
	made := shop{items: filepath.Join(dir, catalogue.ItemsFile), events: filepath.Join(dir, catalogue.EventsFile)}
	if _, err := os.Stat(made.events); err == nil {
		return made, nil // the generator writes it last
	}
	_, err := run(command("go", "run", "foray/testdata/catalogue/cmd/generate", "--output", dir,
		"--items", strconv.Itoa(items), "--users", strconv.Itoa(users), "--events", strconv.Itoa(events)))
	if err != nil {
		return shop{}, fmt.Errorf("generating %s: %w", dir, err)
	}
	return made, nil
}

// published says whether an output has a table.
func published(output, table string) bool {
	_, err := os.Stat(filepath.Join(output, table, "CURRENT"))
	return err == nil
}
