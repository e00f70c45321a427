package queue

// text collects a message line by line and counts it as Postfix does. It grows by chunks, so that a message of 10 MB
// never needs more than twice its size.
type text struct {
	full [][]byte
	cur  []byte
	size int64 // as in size= of the log
	line int   // bytes of the line that is not ended yet
}

const (
	firstChunk = 4 << 10
	nextChunk  = 256 << 10
	// recordLimit is Postfix's line_length_limit: longer lines are several records in its queue file.
	recordLimit = 2048
)

// expect makes room for a text whose size was announced, as far as an announcement is to be believed.
func (t *text) expect(size int64) {
	t.cur = make([]byte, 0, min(max(firstChunk, size+firstChunk), nextChunk))
}

// add appends a piece of a line, without its end.
func (t *text) add(piece []byte) {
	t.write(piece)
	t.line += len(piece)
}

// end ends the line.
func (t *text) end() {
	t.write([]byte{'\n'})
	for t.line >= recordLimit { // one of just that length has an empty record behind it
		t.size += recordSize(recordLimit)
		t.line -= recordLimit
	}
	t.size += recordSize(t.line)
	t.line = 0
}

// put appends a whole line.
func (t *text) put(line string) {
	t.add([]byte(line))
	t.end()
}

// recordSize is what a line of n bytes takes in a Postfix queue file: a type, a length in seven-bit digits, the bytes
// (postfix/src/global/record.c). The size that Postfix logs is the sum of these, so ours is too.
func recordSize(n int) int64 {
	if n < 128 {
		return int64(n) + 2
	}
	return int64(n) + 3
}

func (t *text) write(b []byte) {
	for len(b) > 0 {
		if len(t.cur) == cap(t.cur) {
			t.grow(len(b))
		}
		n := min(len(b), cap(t.cur)-len(t.cur))
		t.cur = append(t.cur, b[:n]...)
		b = b[n:]
	}
}

func (t *text) grow(need int) {
	if t.cur == nil {
		t.cur = make([]byte, 0, max(firstChunk, need))
		return
	}
	t.full = append(t.full, t.cur)
	t.cur = make([]byte, 0, nextChunk)
}

// bytes joins all that was collected. The text is empty afterwards.
func (t *text) bytes() []byte {
	if len(t.full) == 0 {
		b := t.cur
		t.cur = nil
		return b
	}
	n := len(t.cur)
	for _, c := range t.full {
		n += len(c)
	}
	all := make([]byte, 0, n)
	for i, c := range t.full {
		all = append(all, c...)
		t.full[i] = nil
	}
	all = append(all, t.cur...)
	t.full, t.cur = nil, nil
	return all
}
