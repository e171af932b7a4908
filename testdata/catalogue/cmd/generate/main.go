// Generate writes a seeded demo catalogue: items, events, and the hidden truth
// behind them. See the package catalogue.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"foray/testdata/catalogue"
)

const usage = `Generate writes a seeded demo catalogue as CSV files:

  items.csv              item_id, title, description, category
  events.csv             user_id, item_id, timestamp (Unix seconds), rating (1-5), by time
  truth_items.csv        item_id, interest, theme
  truth_interests.csv    interest, theme, items, popularity
  truth_transitions.csv  interest_1, interest_2, next_interest, probability

The truth is what the events were drawn from and no planner sees: the chance of
the next interest after the last two. What the rows of a pair leave to 1 is
shared by the other interests, in proportion to their popularity. The same
flags give the same bytes.

Usage:
  go run ./testdata/catalogue/cmd/generate --output DIR [flags]

Flags:
`

const (
	exitFailed = 1
	exitUsage  = 2
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	o := catalogue.DefaultOptions()
	flags := flag.NewFlagSet("generate", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	output := flags.String("output", "", "folder to write to; made if it does not exist, files in it are replaced")
	flags.IntVar(&o.Items, "items", o.Items, "number of items")
	flags.IntVar(&o.Users, "users", o.Users, "number of users")
	flags.IntVar(&o.Events, "events", o.Events, "number of events, at least one a user")
	flags.IntVar(&o.Interests, "interests", o.Interests, fmt.Sprintf("number of hidden interests, up to %d", catalogue.MaxInterests()))
	flags.Uint64Var(&o.Seed, "seed", o.Seed, "another seed makes another world")
	help := func(to io.Writer) {
		fmt.Fprint(to, usage)
		flags.VisitAll(func(f *flag.Flag) {
			value := f.DefValue
			if value == "" {
				value = "required"
			}
			fmt.Fprintf(to, "  --%-10s %s (%s)\n", f.Name, f.Usage, value)
		})
	}
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		help(stdout)
		return 0
	case err == nil && flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q: all options are flags", flags.Arg(0))
	case err == nil && *output == "":
		err = errors.New("--output is missing: name the folder to write to")
	}
	if err != nil {
		fmt.Fprintf(stderr, "generate: %v\nrun it with --help to see all flags\n", err)
		return exitUsage
	}
	w, err := catalogue.Generate(o)
	if err != nil {
		fmt.Fprintf(stderr, "generate: %v\n", err)
		return exitUsage
	}
	if err := w.Write(*output); err != nil {
		fmt.Fprintf(stderr, "generate: %v\n", err)
		return exitFailed
	}
	best := w.BestRecall(1, w.Cut(0.8))
	fmt.Fprintf(stdout, "%s: %d items of %d interests, %d events of %d users\n", *output, len(w.Items), o.Interests, len(w.Events), o.Users)
	if best.Transitions > 0 {
		fmt.Fprintf(stdout, "recall@1 of a planner that knows the truth, on the %d transitions of the last 20 %% of the time: %.3f\n", best.Transitions, best.Realised)
	}
	return 0
}
