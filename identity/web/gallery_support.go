package web

func supportExhibits() []exhibit {
	return []exhibit{
		{"support", Support{}, ""},
	}
}
