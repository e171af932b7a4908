package balance

import (
	"cmp"
	"math"
	"slices"

	"foray/transforms/kernel"
)

const (
	// slack forgives the rounding of a sum of loads.
	slack = 1e-9
	// exchangeGoals are how often an exchange that cannot reach the limit tries
	// for half of the way between its last goal and the load as it is.
	exchangeGoals = 4
	// exchangesPerCluster bounds the work where whole items cannot do.
	exchangesPerCluster = 4
	// mostGifts bounds the items of a cluster that an exchange tries to give.
	mostGifts = 64
	// mostTogether bounds the clusters that one is helped by at a time.
	mostTogether = 64
)

// repair brings the loads that the rounds left over the limit below it: first
// by moving the items that lose the least, then by exchanges between two
// clusters, then by packing several anew. It ends when the limit holds or
// nothing helps.
func (f *fit) repair() {
	f.centre()
	f.rescore()
	members := make([][]int32, f.k)
	for i, c := range f.assign {
		members[c] = append(members[c], int32(i))
	}
	for c := range f.k {
		if f.over(c) {
			f.relieve(c, members)
		}
	}
	f.exchangeAll(members)
	f.repack()
}

func (f *fit) over(c int) bool { return f.load[c] > f.limit*(1+slack) }

func (f *fit) move(item int32, to int32, members [][]int32) {
	from := f.assign[item]
	at := slices.Index(members[from], item)
	members[from] = slices.Delete(members[from], at, at+1)
	members[to] = append(members[to], item)
	f.assign[item] = to
	f.count[from]--
	f.count[to]++
	f.load[from] -= f.weight[item]
	f.load[to] += f.weight[item]
}

// relieve moves items out of c, those first that lose least for what they
// free, until it is within the limit or nobody has room.
func (f *fit) relieve(c int, members [][]int32) {
	type offer struct {
		item int32
		cost float64
	}
	var offers []offer
	excess := f.load[c] - f.limit
	for _, item := range members[c] {
		if to, loss := f.refuge(item); to >= 0 {
			offers = append(offers, offer{item, loss / min(f.weight[item], excess)})
		}
	}
	slices.SortFunc(offers, func(a, b offer) int {
		return cmp.Or(cmp.Compare(a.cost, b.cost), cmp.Compare(a.item, b.item))
	})
	for _, o := range offers {
		if !f.over(c) || f.count[c] == 1 {
			return
		}
		if to, _ := f.refuge(o.item); to >= 0 {
			f.move(o.item, to, members)
		}
	}
}

// refuge returns the nearest cluster with room for the item, and the cosine
// that it loses there; −1 if none has room.
func (f *fit) refuge(item int32) (int32, float64) {
	own, w, row := f.assign[item], f.weight[item], f.x.Row(int(item))
	best, bestCosine := int32(-1), float32(math.Inf(-1))
	consider := func(c int32, cosine float32) {
		if c != own && f.load[c]+w <= f.limit && cosine > bestCosine {
			best, bestCosine = c, cosine
		}
	}
	index, score := f.near.Row(int(item))
	for j, c := range index {
		consider(c, score[j])
	}
	if best < 0 {
		for c := range int32(f.k) {
			consider(c, kernel.Dot(row, f.centroids.Row(int(c))))
		}
	}
	return best, float64(kernel.Dot(row, f.centroids.Row(int(own)))) - float64(bestCosine)
}

// exchangeAll makes exchanges for the heaviest cluster, until each is within
// the limit or cannot be helped.
func (f *fit) exchangeAll(members [][]int32) {
	helpless := make([]bool, f.k)
	// An exchange shrinks a heavy load by a fixed share of its excess, so few
	// are needed for each cluster.
	for range exchangesPerCluster * f.k {
		heaviest := -1
		for c := range f.k {
			if f.over(c) && !helpless[c] && (heaviest < 0 || f.load[c] > f.load[heaviest]) {
				heaviest = c
			}
		}
		if heaviest < 0 {
			return
		}
		// A single item is as light as a cluster gets.
		helpless[heaviest] = f.count[heaviest] == 1 || !f.exchange(heaviest, members)
	}
}

// exchange lowers the load of c, which is over the limit, and tells whether it
// could.
func (f *fit) exchange(c int, members [][]int32) bool {
	others := f.nearest(c)[1:min(mostTogether, f.k)]
	goal := f.limit
	for range exchangeGoals {
		if trade, found := f.bestTrade(c, others, goal, members); found {
			f.move(trade.give, trade.to, members)
			for _, item := range trade.take {
				f.move(item, int32(c), members)
			}
			return true
		}
		goal = (goal + f.load[c]) / 2
	}
	return false
}

// trade is an item given to another cluster, and the items taken for it.
type trade struct {
	give int32
	to   int32
	take []int32
	loss float64 // of cosines
}

// bestTrade looks for the trade of c with one of the others that loses least
// among those after which neither load exceeds goal.
func (f *fit) bestTrade(c int, others []int32, goal float64, members [][]int32) (trade, bool) {
	gifts := f.gifts(members[c], f.load[c]-goal)
	best, found := trade{loss: math.Inf(1)}, false
	for _, d := range others {
		if f.load[c]+f.load[d] > 2*goal {
			continue
		}
		loss := f.losses(members[d], int32(c))
		byLoss, byWeight := slices.Clone(members[d]), slices.Clone(members[d])
		slices.SortFunc(byLoss, func(a, b int32) int {
			return cmp.Or(cmp.Compare(loss[a], loss[b]), cmp.Compare(a, b))
		})
		slices.SortFunc(byWeight, func(a, b int32) int {
			return cmp.Or(cmp.Compare(f.weight[b], f.weight[a]), cmp.Compare(a, b))
		})
		giftLoss := f.losses(gifts, d)
		for _, give := range gifts {
			// What comes back must weigh from least to most.
			least := f.load[d] + f.weight[give] - goal
			most := f.weight[give] - (f.load[c] - goal)
			for _, order := range [...][]int32{byLoss, byWeight} {
				take, ok := f.fill(order, least, most)
				if !ok || f.count[c] == 1 && len(take) == 0 {
					continue
				}
				total := giftLoss[give]
				for _, item := range take {
					total += loss[item]
				}
				if total < best.loss {
					best, found = trade{give, d, take, total}, true
				}
				break
			}
		}
	}
	return best, found
}

// gifts returns items that free at least the excess, of differing weights, the
// heaviest first; a bounded number.
func (f *fit) gifts(items []int32, excess float64) []int32 {
	sorted := slices.Clone(items)
	slices.SortFunc(sorted, func(a, b int32) int {
		return cmp.Or(cmp.Compare(f.weight[b], f.weight[a]), cmp.Compare(a, b))
	})
	var gifts []int32
	for _, item := range sorted {
		if f.weight[item] < excess || len(gifts) == mostGifts {
			break
		}
		if n := len(gifts); n == 0 || f.weight[gifts[n-1]] != f.weight[item] {
			gifts = append(gifts, item)
		}
	}
	return gifts
}

// losses returns what each item loses in cosine when it moves to a cluster.
func (f *fit) losses(items []int32, to int32) map[int32]float64 {
	loss := make(map[int32]float64, len(items))
	for _, item := range items {
		row := f.x.Row(int(item))
		loss[item] = float64(kernel.Dot(row, f.centroids.Row(int(f.assign[item]))) - kernel.Dot(row, f.centroids.Row(int(to))))
	}
	return loss
}

// fill takes items in the given order, skipping what is too heavy, until they
// weigh at least least and at most most; false if it cannot.
func (f *fit) fill(order []int32, least, most float64) ([]int32, bool) {
	var take []int32
	var total float64
	for _, item := range order {
		if total >= least {
			break
		}
		if total+f.weight[item] <= most {
			take = append(take, item)
			total += f.weight[item]
		}
	}
	return take, total >= least && total <= most
}
