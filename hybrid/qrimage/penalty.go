package qrimage

import "rsc.io/qr/coding"

// The weights of ISO/IEC 18004 §7.8.3.1.
const (
	weightRun     = 3
	weightBlock   = 3
	weightFinder  = 40
	weightBalance = 10
)

// penalty says how much a masked symbol looks like something else to a reader:
// long runs, blocks, false finder patterns, and too much of one colour.
func penalty(c *coding.Code) int {
	n, total, black := c.Size, 0, 0
	for i := range n {
		total += linePenalty(n, func(j int) bool { return c.Black(j, i) })
		total += linePenalty(n, func(j int) bool { return c.Black(i, j) })
	}
	for y := range n {
		for x := range n {
			if c.Black(x, y) {
				black++
			}
			if x+1 < n && y+1 < n && oneColour(c, x, y) {
				total += weightBlock
			}
		}
	}
	// Ten for each whole five per cent away from half.
	return total + abs(black*20-n*n*10)/(n*n)*weightBalance
}

func oneColour(c *coding.Code, x, y int) bool {
	b := c.Black(x, y)
	return b == c.Black(x+1, y) && b == c.Black(x, y+1) && b == c.Black(x+1, y+1)
}

func linePenalty(n int, black func(int) bool) (total int) {
	run, last := 0, false
	var window uint16 // the last eleven modules
	for i := range n {
		b := black(i)
		if i > 0 && b == last {
			run++
		} else {
			run = 1
		}
		last = b
		switch {
		case run == 5:
			total += weightRun
		case run > 5:
			total++
		}
		window = window << 1 & 0x7ff
		if b {
			window |= 1
		}
		// 1011101 with four light modules before or after it.
		if i >= 10 && (window == 0b00001011101 || window == 0b10111010000) {
			total += weightFinder
		}
	}
	return total
}

func abs(n int) int { return max(n, -n) }
