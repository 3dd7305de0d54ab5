package accounts

import (
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/chacha20poly1305"
)

// Keys encrypt and decrypt secrets: the first key encrypts, all of them decrypt. They
// never print.
type Keys struct{ list []key }

type key struct {
	id   string
	aead cipher.AEAD
}

// errKey says what a key looks like, and reveals nothing of the given one.
var errKey = errors.New("a key is 32 random bytes in base64 or hex; make one with: openssl rand -base64 32")

// ParseKeys reads one or more keys, divided by commas or white space, the
// newest first.
func ParseKeys(text string) (*Keys, error) {
	k := &Keys{}
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(", \t\r\n", r) }) {
		raw, err := decodeKey(word)
		if err != nil {
			return nil, err
		}
		aead, err := chacha20poly1305.NewX(raw)
		if err != nil {
			return nil, errKey
		}
		sum := sha256.Sum256(append([]byte("tracklake key\x00"), raw...))
		k.list = append(k.list, key{id: hex.EncodeToString(sum[:4]), aead: aead})
	}
	if len(k.list) == 0 {
		return nil, errKey
	}
	return k, nil
}

func decodeKey(word string) ([]byte, error) {
	if raw, err := hex.DecodeString(word); err == nil && len(raw) == 32 {
		return raw, nil
	}
	trimmed := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(word, "="))
	if raw, err := base64.RawStdEncoding.DecodeString(trimmed); err == nil && len(raw) == 32 {
		return raw, nil
	}
	return nil, errKey
}

// Empty reports whether there is no key, so that nothing is encrypted.
func (k *Keys) Empty() bool { return k == nil || len(k.list) == 0 }

func (k *Keys) newest() string {
	if k.Empty() {
		return ""
	}
	return k.list[0].id
}

// String keeps keys out of texts.
func (*Keys) String() string { return "[keys]" }

// GoString keeps keys out of texts.
func (*Keys) GoString() string { return "[keys]" }

// LogValue keeps keys out of logs.
func (*Keys) LogValue() slog.Value { return slog.StringValue("[keys]") }

// secrets are what is secret about an account.
type secrets struct {
	RefreshToken string    `json:"refresh_token"`
	AccessToken  string    `json:"access_token,omitempty"`
	RenewAt      time.Time `json:"renew_at,omitzero"`
	ClientSecret string    `json:"client_secret,omitempty"`
}

// String keeps secrets out of texts.
func (secrets) String() string { return "[secrets]" }

// GoString keeps secrets out of texts.
func (secrets) GoString() string { return "[secrets]" }

// binding ties what is encrypted to its account, app and services: moved to another
// row, it cannot be decrypted.
func binding(a Account, keyID string) []byte {
	return []byte(strings.Join([]string{"tracklake account", a.Name, a.AccountID, a.ClientID, a.API, a.Accounts, keyID}, "\x00"))
}

// seal makes the row of an account.
func (k *Keys) seal(a Account, s secrets) (*Row, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode account: %w", err)
	}
	row := &Row{Account: a, KeyID: k.newest(), Sealed: text}
	if k.Empty() {
		return row, nil
	}
	row.Sealed = k.list[0].encrypt(text, binding(a, row.KeyID))
	return row, nil
}

// encrypt returns a random nonce and behind it the encrypted text, bound to the given
// bytes. The nonce has 24 bytes, so that random ones do not collide.
func (k key) encrypt(text, bound []byte) []byte {
	nonce := make([]byte, k.aead.NonceSize(), k.aead.NonceSize()+len(text)+k.aead.Overhead())
	_, _ = rand.Read(nonce) // it never fails
	return k.aead.Seal(nonce, nonce, text, bound)
}

// decrypt returns what encrypt was given; it fails when any of it has changed.
func (k key) decrypt(sealed, bound []byte) ([]byte, error) {
	n := k.aead.NonceSize()
	if len(sealed) < n {
		return nil, errors.New("shorter than a nonce")
	}
	return k.aead.Open(nil, sealed[:n], sealed[n:], bound)
}

// open returns the secrets of a row. With a key at hand, a row that is not encrypted
// may have been put in place of one that was.
func (k *Keys) open(r *Row) (secrets, error) {
	if r.KeyID == "" && !k.Empty() {
		return secrets{}, &Error{
			Message: "the tokens of account " + r.Name + " are not encrypted, although there is a key",
			Advice:  "if somebody replaced them, sign in again; if the key is new, encrypt them: exporter accounts rekey",
		}
	}
	return k.read(r)
}

// read returns the secrets of a row, encrypted or not.
func (k *Keys) read(r *Row) (secrets, error) {
	var s secrets
	text := r.Sealed
	if r.KeyID != "" {
		var err error
		if text, err = k.decrypt(r); err != nil {
			return s, err
		}
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return s, &Error{Message: "the tokens of account " + r.Name + " are damaged", Advice: "sign in again: " + loginCommand + r.Name}
	}
	return s, nil
}

func (k *Keys) decrypt(r *Row) ([]byte, error) {
	i := slices.IndexFunc(k.list, func(key key) bool { return key.id == r.KeyID })
	if i < 0 {
		return nil, k.missing(r)
	}
	text, err := k.list[i].decrypt(r.Sealed, binding(r.Account, r.KeyID))
	if err != nil {
		return nil, &Error{
			Message: "the tokens of account " + r.Name + " do not belong to it: they were changed or moved",
			Advice:  "find out who changed them, then sign in again: " + loginCommand + r.Name,
		}
	}
	return text, nil
}

// hold reports whether what was encrypted with a key can be decrypted.
func (k *Keys) hold(id string) bool {
	return id == "" || slices.ContainsFunc(k.list, func(key key) bool { return key.id == id })
}

// missing returns the error for a row whose key is not available.
func (k *Keys) missing(r *Row) *Error {
	if k.Empty() {
		return &Error{
			Message: "the tokens of account " + r.Name + " are encrypted, but there is no key",
			Advice:  "set EXPORTER_TOKEN_KEY or EXPORTER_TOKEN_KEY_FILE to it; if it is lost, remove the account and sign in again: " + removeCommand + r.Name,
		}
	}
	return &Error{
		Message: "the tokens of account " + r.Name + " are encrypted with another key (" + r.KeyID + ")",
		Advice:  "if that key is lost, remove the account and sign in again; otherwise append it to EXPORTER_TOKEN_KEY after a comma, then change the key: exporter accounts rekey",
	}
}
