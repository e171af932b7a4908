package describe

import (
	"slices"
	"strings"
	"testing"
)

// Each catalogue has three clusters; a description must have the phrases that
// a reader of the language would expect, in their usual spelling, and may have
// none that is cut out of a word.
func TestLanguages(t *testing.T) {
	for name, test := range map[string]struct {
		clusters [3][]string
		want     [3][]string
		never    []string
	}{
		"Chinese": {
			[3][]string{
				{"不锈钢保温杯500ml", "儿童保温杯 带吸管", "便携保温杯", "商务保温杯礼盒", "保温杯盖子"},
				{"蓝牙耳机 运动款", "无线蓝牙耳机", "降噪蓝牙耳机", "入耳式耳机", "头戴式耳机"},
				{"红色的台灯", "护眼台灯", "儿童台灯", "复古台灯摆件", "LED台灯"},
			},
			[3][]string{{"保温杯"}, {"蓝牙耳机"}, {"台灯"}},
			[]string{"温杯", "保温", "牙耳", "色的", "的台", "的台灯"},
		},
		"Japanese": {
			[3][]string{
				{"コーヒー豆 深煎り", "有機コーヒー豆", "コーヒー豆の香り", "コーヒー豆セット", "業務用コーヒー豆"},
				{"綿のTシャツ 白", "子供用Tシャツ", "Tシャツ 長袖", "父の日のTシャツ", "無地Tシャツ"},
				{"千と千尋の神隠し", "神隠しの森", "神隠し 特別版", "もののけ姫", "となりのトトロ"},
			},
			[3][]string{{"コーヒー豆"}, {"Tシャツ"}, {"神隠し"}},
			[]string{"コー", "ヒー", "シャツ", "神隠", "隠し", "のTシャツ"},
		},
		"Russian": {
			[3][]string{
				{"Ёлочная игрушка шар", "Ёлочная игрушка звезда", "ЁЛОЧНАЯ ИГРУШКА СНЕГИРЬ", "Гирлянда на ёлку"},
				{"Чайник для кухни", "Чайник со свистком", "Электрический чайник", "Чайник и кружка"},
				{"Книга о космосе", "Книга по истории", "Книга для детей", "Книга и закладка"},
			},
			[3][]string{{"Ёлочная игрушка"}, {"Чайник"}, {"Книга"}},
			[]string{"для", "на", "по", "со", "Книга для"},
		},
		"accents": {
			[3][]string{
				{"Crème brûlée à la vanille", "Crème brûlée au café", "CRÈME BRÛLÉE", "La crème brûlée de grand-mère"},
				{"Tür mit Glas", "Tür aus Holz", "Die weiße Tür", "Tür für den Garten"},
				{"Niño con su muñeca", "Muñeca de trapo", "Muñeca para niños", "La muñeca y el oso"},
			},
			[3][]string{{"Crème brûlée"}, {"Tür"}, {"Muñeca"}},
			[]string{"für", "mit", "aus", "au", "para", "con", "Cr", "ni"},
		},
		"Korean": {
			[3][]string{
				{"무선 이어폰 블랙", "무선 이어폰 화이트", "스포츠 무선 이어폰"},
				{"스테인리스 텀블러", "대용량 텀블러", "텀블러 뚜껑"},
				{"어린이 동화책", "영어 동화책", "동화책 세트"},
			},
			[3][]string{{"무선 이어폰"}, {"텀블러"}, {"동화책"}},
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			var texts []string
			var assign []int32
			for c, titles := range test.clusters {
				for _, title := range titles {
					texts, assign = append(texts, title), append(assign, int32(c))
				}
			}
			got, err := Read(texts).Leaves(assign, 3, Options{})
			if err != nil {
				t.Fatal(err)
			}
			verify(t, got)
			for c, d := range got {
				t.Logf("%s", d.Text)
				for _, want := range test.want[c] {
					if !slices.ContainsFunc(d.Phrases, func(p string) bool { return strings.EqualFold(p, want) }) {
						t.Errorf("cluster %d is %q, without %q", c, d.Text, want)
					}
				}
				for _, phrase := range d.Phrases {
					if slices.Contains(test.never, phrase) {
						t.Errorf("cluster %d is %q, with %q", c, d.Text, phrase)
					}
				}
			}
		})
	}
}

func TestSharedWords(t *testing.T) {
	texts := []string{"Red lamps", "Table\nlamp", "Blue LAMP", "", "红色台灯", "绿色的台灯", "椅子"}
	assign := []int32{0, 0, 0, 0, 1, 1, 1}
	descriptions := []Description{{Text: "lamp"}, {Text: "台灯, stool"}, {Text: "empty"}}
	got, err := SharedWords(texts, assign, descriptions, 1)
	if err != nil || got != 4./7 {
		t.Errorf("%v, %v of the titles share a word, want 4 of 7", got, err)
	}
	// Of a large cluster five are drawn, others with another seed.
	texts, assign = nil, nil
	for i := range 200 {
		texts, assign = append(texts, []string{"lamp", "stool"}[i%2]), append(assign, 0)
	}
	different := map[float64]bool{}
	for seed := range uint64(20) {
		got, err := SharedWords(texts, assign, descriptions[:1], seed)
		if again, _ := SharedWords(texts, assign, descriptions[:1], seed); err != nil || again != got {
			t.Errorf("%v and %v with the same seed (%v)", got, again, err)
		}
		different[got] = true
	}
	if len(different) < 2 || len(different) > SharedSample+1 {
		t.Errorf("%d different shares of five titles", len(different))
	}
	for name, call := range map[string]func() error{
		"no items": func() error { _, err := SharedWords(nil, nil, descriptions, 1); return err },
		"unknown":  func() error { _, err := SharedWords(texts, assign, nil, 1); return err },
	} {
		if call() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
