package job

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestInputs(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"items.csv":  "id,title\n1,One\n",
		"events.csv": "user_id,id,timestamp,stars\nu,1,1700000000,5\n",
		"bad.csv.gz": "no gzip file",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	good := Inputs{
		Items: filepath.Join(dir, "items.csv"), Events: filepath.Join(dir, "events.csv"),
		ItemID: "id", UserID: "user_id", Timestamp: "timestamp", TrainUntil: "0.8",
	}
	if s, err := good.ItemSource(t.Context()); err != nil || len(s.Files) != 1 {
		t.Errorf("items: %+v, %v", s, err)
	}
	if s, err := good.EventSource(t.Context()); err != nil || len(s.Files) != 1 { // the item's column is named as in the items
		t.Errorf("events: %+v, %v", s, err)
	}
	if u, err := good.Until(); err != nil || u.Fraction != .8 {
		t.Errorf("until: %+v, %v", u, err)
	}
	items := func(in Inputs) error { _, err := in.ItemSource(t.Context()); return err }
	events := func(in Inputs) error { _, err := in.EventSource(t.Context()); return err }
	until := func(in Inputs) error { _, err := in.Until(); return err }
	for _, tc := range []struct {
		name   string
		change func(*Inputs)
		ask    func(Inputs) error
		code   int
		want   string
	}{
		{"no items", func(in *Inputs) { in.Items = "" }, items, Usage, "--items is missing"},
		{"no events", func(in *Inputs) { in.Events = "" }, events, Usage, "--events is missing"},
		{"items that are not there", func(in *Inputs) { in.Items += "x" }, items, Usage, "items.csvx"},
		{"another id", func(in *Inputs) { in.ItemID = "item" }, items, Usage, "--item_id_column"},
		{"another id of events", func(in *Inputs) { in.EventItemID = "item" }, events, Usage, "--event_item_id_column"},
		{"texts that are not there", func(in *Inputs) { in.Texts = []string{"title", "plot"} }, items, Usage, "--text_columns"},
		{"an embedding that is not there", func(in *Inputs) { in.Embedding = "vector" }, items, Usage, "--embedding_column"},
		{"an engagement that is not there", func(in *Inputs) { in.Engagement = "likes" }, events, Usage, "--engagement_column"},
		{"a damaged file", func(in *Inputs) { in.Events = filepath.Join(dir, "bad.csv.gz") }, events, Failed, "bad.csv.gz"},
		{"a time that is none", func(in *Inputs) { in.TrainUntil = "soon" }, until, Usage, "--train_until=soon"},
	} {
		in := good
		tc.change(&in)
		err := tc.ask(in)
		exit := (*Exit)(nil)
		if !errors.As(err, &exit) || exit.Code != tc.code || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q with exit code %d", tc.name, err, tc.want, tc.code)
		}
	}
}

func TestOptionsNameWhatIsRead(t *testing.T) {
	in := Inputs{ItemID: "id", Texts: []string{"a", "b"}, UserID: "u", Timestamp: "t", MinEngagement: 3, TrainUntil: "0.8"}
	plain := Options(in.ItemOptions(), in.EventOptions())
	if want := map[string]string{
		"input_format": "", "delimiter": "", "no_header": "false", "item_id_column": "id", "text_columns": "a,b", "embedding_column": "",
		"user_id_column": "u", "event_item_id_column": "id", "timestamp_column": "t", "train_until": "0.8",
	}; !maps.Equal(plain, want) {
		t.Errorf("got  %v\nwant %v", plain, want)
	}
	in.Engagement, in.EventItemID = "stars", "what"
	if o := in.EventOptions(); o["engagement_column"] != "stars" || o["min_engagement"] != "3" || o["event_item_id_column"] != "what" {
		t.Errorf("got %v", o)
	}
	if st := (Stage{Name: "a", Options: plain}); st.fingerprint() != (Stage{Name: "a", Options: maps.Clone(plain)}).fingerprint() || st.fingerprint() == (Stage{Name: "a"}).fingerprint() {
		t.Error("the fingerprint does not tell options apart")
	}
}
