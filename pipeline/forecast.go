package pipeline

// A forecast is how many requests a run has still to make, as far as that can be told.
// It is not safe for concurrent use.
type forecast struct {
	parts map[string]*expected
	// Of the parts whose length was guessed: how many have ended, and what they took.
	ended, took int
}

// expected is what a part is expected to take.
type expected struct {
	requests, made int
	guessed        bool // nothing is known of its length yet
}

// expect notes how many requests a part takes in all.
func (f *forecast) expect(part string, requests int, guessed bool) {
	if f.parts == nil {
		f.parts = map[string]*expected{}
	}
	p := f.parts[part]
	if p == nil {
		p = &expected{}
		f.parts[part] = p
	}
	p.requests, p.guessed = requests, guessed
}

// restart notes that a part is read from its beginning.
func (f *forecast) restart(part string) {
	if p := f.parts[part]; p != nil {
		p.made = 0
	}
}

// made notes a request of a part.
func (f *forecast) made(part string) {
	if p := f.parts[part]; p != nil {
		p.made++
	}
}

// end notes that a part needs no further request.
func (f *forecast) end(part string) {
	if p := f.parts[part]; p != nil {
		f.ended, f.took = f.ended+1, f.took+p.made
		delete(f.parts, part)
	}
}

// left is how many requests are still to be made. What the parts that have ended took
// tells what to expect of those of which nothing is known.
func (f *forecast) left() int {
	sum := 0
	for _, p := range f.parts {
		requests := p.requests
		if p.guessed && f.ended > 0 {
			requests = usual(f.took, f.ended)
		}
		sum += max(0, requests-p.made)
	}
	return sum
}
