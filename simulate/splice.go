package simulate

import (
	"bytes"
	"encoding/json"
	"slices"
)

// splice returns text with the bytes from…to replaced.
func splice(text []byte, from, to int, by []byte) []byte {
	return slices.Concat(text[:from], by, text[to:])
}

// member finds the value of an object's field: it is object[from:to].
func member(object []byte, name string) (from, to int, found bool) {
	d := json.NewDecoder(bytes.NewReader(object))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return 0, 0, false
	}
	for d.More() {
		key, err := d.Token()
		var value json.RawMessage
		if err != nil || d.Decode(&value) != nil {
			return 0, 0, false
		}
		if key == name {
			to = int(d.InputOffset())
			return to - len(value), to, true
		}
	}
	return 0, 0, false
}

// replace gives an object's field another value, if it has that field. The rest
// of the object stays byte for byte what it is.
func replace(object []byte, name, value string) []byte {
	from, to, found := member(object, name)
	if !found {
		return object
	}
	return splice(object, from, to, []byte(value))
}

// set gives an object's field a value, and adds the field where it is missing.
// What is no object stays as it is.
func set(object []byte, name, value string) []byte {
	if _, _, found := member(object, name); found {
		return replace(object, name, value)
	}
	inside, isObject := bytes.CutSuffix(bytes.TrimSpace(object), []byte("}"))
	if !isObject {
		return object
	}
	comma := ","
	if bytes.HasSuffix(bytes.TrimSpace(inside), []byte("{")) {
		comma = ""
	}
	return slices.Concat(inside, []byte(comma+`"`+name+`":`+value+"}"))
}

// elements lists the values in an array; nil for what is no array.
func elements(array []byte) [][]byte {
	var raw []json.RawMessage
	if json.Unmarshal(array, &raw) != nil {
		return nil
	}
	out := make([][]byte, len(raw))
	for i := range raw {
		out[i] = raw[i]
	}
	return out
}

// pageIn finds the object that has the items: the answer, or the object in one
// of its fields.
func pageIn(answer []byte) (from, to int, found bool) {
	if _, _, found := member(answer, "items"); found {
		return 0, len(bytes.TrimRight(answer, " \r\n")), true
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(answer, &fields) != nil {
		return 0, 0, false
	}
	for name, value := range fields {
		if _, _, found := member(value, "items"); found {
			return member(answer, name)
		}
	}
	return 0, 0, false
}
