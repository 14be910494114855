package web

func supportExhibits() []exhibit {
	return []exhibit{
		{"support", Support{}, ""},
		{"support--checking", Support{}, "checking"},
	}
}
