// Package accounts keeps refresh tokens between runs.
//
// It knows nothing of HTTP or of jobs: it is handed a token and gives it back.
package accounts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/tracklake/tracklake/extract"
)

// A SeededFile is a token store that begins with a refresh token from the
// environment and keeps newer ones in a file that only its owner can read.
// Spotify seldom sends a new refresh token; until it does there is no file.
type SeededFile struct {
	path string
	seed string
}

// NewSeededFile returns a store in the given folder, which need not exist yet.
// A seed that the file does not know wins over what the file holds: the user
// has signed in again.
func NewSeededFile(folder, seed string) *SeededFile {
	return &SeededFile{path: filepath.Join(folder, "token.json"), seed: seed}
}

// kept is the content of the file.
type kept struct {
	SeedHash     string    `json:"seed_sha256"`
	RefreshToken string    `json:"refresh_token"`
	Scopes       []string  `json:"scopes,omitempty"`
	SignedInAt   time.Time `json:"signed_in_at,omitzero"`
}

// Load returns the newest token that came from the seed, or the seed itself.
func (s *SeededFile) Load(context.Context) (extract.Token, error) {
	text, err := os.ReadFile(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return extract.Token{RefreshToken: s.seed}, nil
	}
	if err != nil {
		return extract.Token{}, fmt.Errorf("read token file: %w", err)
	}
	if err := s.private(); err != nil {
		return extract.Token{}, err
	}
	var k kept
	if err := json.Unmarshal(text, &k); err != nil {
		return extract.Token{}, fmt.Errorf("read token file %s: it is damaged; remove it and set SPOTIFY_REFRESH_TOKEN anew", s.path)
	}
	if k.SeedHash != hash(s.seed) || k.RefreshToken == "" {
		return extract.Token{RefreshToken: s.seed}, nil
	}
	return extract.Token{RefreshToken: k.RefreshToken, Scopes: k.Scopes, SignedInAt: k.SignedInAt}, nil
}

// Save keeps a token: written aside, synced and renamed, so that a crash
// leaves the old one or the new one. A token equal to the seed needs no file.
func (s *SeededFile) Save(_ context.Context, t extract.Token) error {
	if t.RefreshToken == s.seed {
		return nil
	}
	text, err := json.Marshal(kept{SeedHash: hash(s.seed), RefreshToken: t.RefreshToken, Scopes: t.Scopes, SignedInAt: t.SignedInAt})
	if err != nil {
		return fmt.Errorf("write token file: %w", err)
	}
	folder := filepath.Dir(s.path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("write token file: %w", err)
	}
	aside, err := os.CreateTemp(folder, ".token-*") // made with mode 0600
	if err != nil {
		return fmt.Errorf("write token file: %w", err)
	}
	_, err = aside.Write(text)
	err = errors.Join(err, aside.Sync(), aside.Close())
	if err == nil {
		err = os.Rename(aside.Name(), s.path)
	}
	if err != nil {
		return fmt.Errorf("write token file: %w", errors.Join(err, os.Remove(aside.Name())))
	}
	return syncFolder(folder)
}

// private refuses a file that others can read.
func (s *SeededFile) private() error {
	info, err := os.Stat(s.path)
	if err != nil {
		return fmt.Errorf("read token file: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("token file %s can be read by others (mode %04o); run: chmod 600 %s", s.path, mode, s.path)
	}
	return nil
}

func syncFolder(folder string) error {
	d, err := os.Open(folder)
	if err != nil {
		return fmt.Errorf("write token file: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("write token file: %w", err)
	}
	return nil
}

func hash(seed string) string {
	sum := sha256.Sum256([]byte(seed))
	return hex.EncodeToString(sum[:])
}
