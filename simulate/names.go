package simulate

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// A genre gives its artists and titles their flavour.
type genre struct {
	name    string
	first   []string // words that begin an artist's name
	second  []string
	titles  []string // patterns: {a} adjective, {n} noun, {p} place
	seconds [2]int   // shortest and longest track
	explict float64  // share of explicit tracks
}

func genres() []genre {
	return []genre{
		{"indie rock", []string{"Paper", "Velvet", "Static", "Northern", "Wooden", "Silver", "Quiet", "Arcade"}, []string{"Harbours", "Wolves", "Parade", "Telegraph", "Orchard", "Satellites", "Youth", "Motel"}, []string{"{a} {n}", "{n} in {p}", "The {n} Song", "Nothing but {n}"}, [2]int{150, 290}, 0.05},
		{"electronic", []string{"Mono", "Lumen", "Kilo", "Aether", "Nacht", "Pixel", "Delta", "Ångström"}, []string{"Drift", "Pulse", "Module", "Fields", "Cascade", "Circuit", "9", "Schleife"}, []string{"{n} 0{d}", "{a} {n} (Extended Mix)", "{p}, 4 a.m.", "{n}"}, [2]int{210, 460}, 0.02},
		{"hip hop", []string{"Young", "Kid", "MC", "Lil", "Big", "Saint", "Deuce", "Nova"}, []string{"Marlow", "Tempo", "Prophet", "Cadence", "Okoro", "Vega", "Basquine", "Reyes"}, []string{"{n} Talk", "{a} {n}", "From {p}", "{n} & {n}"}, [2]int{110, 240}, 0.7},
		{"jazz", []string{"Elsa", "Theo", "Miriam", "Cornelius", "Lena", "Otis", "Yusuf", "Inès"}, []string{"Holm", "Abrams Trio", "Castellano", "Quartet", "Lindqvist", "Moreau", "Adeyemi", "Whitlock"}, []string{"{n} for {p}", "Blue {n}", "{a} Waltz", "{n} Blues"}, [2]int{220, 620}, 0},
		{"folk", []string{"Hollow", "Juniper", "Old", "Little", "River", "Ash", "Fern", "Mary"}, []string{"Creek", "Hollis", "Lanterns", "Crane", "Meadow", "& the Thorns", "O'Dowd", "Bell"}, []string{"{a} {n}", "The {n} of {p}", "{n}, {n}", "Ballad of the {a} {n}"}, [2]int{140, 300}, 0.01},
		{"metal", []string{"Iron", "Crimson", "Funeral", "Obsidian", "Frost", "Grave", "Mörk", "Sülfür"}, []string{"Throne", "Litany", "Covenant", "Hammer", "Eclipse", "Warden", "Abyss", "Reich der Stille"}, []string{"{n} of {n}", "{a} {n}", "Through {p}", "{n} Unbound"}, [2]int{200, 540}, 0.2},
		{"pop", []string{"Luna", "Chloé", "Ari", "Dua", "Max", "Zoë", "Stella", "Noor"}, []string{"Rae", "Marin", "Valentine", "Sky", "Fontaine", "Lux", "Park", "日向"}, []string{"{a}", "{n} Tonight", "Kiss Me in {p}", "{a} {n}"}, [2]int{140, 220}, 0.15},
		{"soul", []string{"The", "Sister", "Brother", "Sweet", "Golden", "Ruby", "Deacon", "Loretta"}, []string{"Emeralds", "Grace", "Williams", "Devotions", "Avenue", "Brown", "Hayes", "Sisters"}, []string{"{a} Love", "Back to {p}", "My {n}", "(You Are) My {n}"}, [2]int{150, 260}, 0.01},
	}
}

func adjectives() []string {
	return []string{"Broken", "Golden", "Electric", "Lonely", "Endless", "Midnight", "Paper", "Hollow", "Burning", "Silent", "Distant", "Crystal", "Faded", "Restless", "Wild", "Tender", "Neon", "Sacred", "Bitter", "Wandering"}
}

func nouns() []string {
	return []string{"Heart", "Rivers", "Signal", "Summer", "Ghost", "Mirror", "Highway", "Letters", "Thunder", "Garden", "Machine", "Ocean", "Window", "Fever", "Shadow", "Horizon", "Promise", "Static", "Echo", "Winter", "Dust", "Feather", "Stranger", "Fire"}
}

func places() []string {
	return []string{"Lisbon", "Berlin", "Memphis", "Kyoto", "Reykjavík", "Malmö", "São Paulo", "Detroit", "Marseille", "Oslo", "Tangier", "Glasgow", "the North", "Room 9", "Heaven"}
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// artistName is unique by its index: when the words run out, more are added.
func (g genre) artistName(r *rand.Rand, taken map[string]bool) string {
	name := pick(r, g.first) + " " + pick(r, g.second)
	for taken[name] {
		switch r.IntN(3) {
		case 0:
			name = pick(r, adjectives()) + " " + name
		case 1:
			name += " " + pick(r, nouns())
		default:
			name = pick(r, g.first) + " " + pick(r, nouns()) + " " + pick(r, g.second)
		}
	}
	taken[name] = true
	return name
}

func (g genre) title(r *rand.Rand) string {
	t := pick(r, g.titles)
	for strings.Contains(t, "{n}") {
		t = strings.Replace(t, "{n}", pick(r, nouns()), 1)
	}
	t = strings.Replace(t, "{a}", pick(r, adjectives()), 1)
	t = strings.Replace(t, "{p}", pick(r, places()), 1)
	return strings.Replace(t, "{d}", string(rune('1'+r.IntN(9))), 1)
}

// AccountIDOf returns the account_id of a user, counted from 0.
func AccountIDOf(user int) string { return fmt.Sprintf("aSimulated%d", user+1) }

// UserIDOf returns the id of a user, counted from 0.
func UserIDOf(user int) string {
	if user == 0 {
		return UserID
	}
	return fmt.Sprintf("user%d_simulated", user+1)
}

// DisplayName returns the name of a user, counted from 0.
func DisplayName(user int) string {
	if user == 0 {
		return "Sam Simulated"
	}
	return fmt.Sprintf("Simulated User %d", user+1)
}

// displayNameOf returns the name of the user with an id; empty for one who has
// none.
func displayNameOf(id string) string {
	switch id {
	case friend:
		return "Nils"
	case spotify:
		return "Spotify"
	case UserID:
		return DisplayName(0)
	}
	var number int
	if _, err := fmt.Sscanf(id, "user%d_simulated", &number); err != nil {
		return ""
	}
	return DisplayName(number - 1)
}
