package accounts

import (
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

	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// Keys seal secrets: the first one seals, all of them open. They do not print.
type Keys struct{ list []key }

type key struct {
	id   string
	aead tink.AEAD
}

// errKey tells how a key looks, and nothing of the one that was given.
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
		aead, err := subtle.NewXChaCha20Poly1305(raw)
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

// Empty tells whether there is no key, so that nothing is encrypted.
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

// binding ties what is sealed to its account and app: moved to another row, it
// does not open.
func binding(a Account, keyID string) []byte {
	return []byte(strings.Join([]string{"tracklake account", a.Name, a.AccountID, a.ClientID, keyID}, "\x00"))
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
	if row.Sealed, err = k.list[0].aead.Encrypt(text, binding(a, row.KeyID)); err != nil {
		return nil, errors.New("seal account: the encryption failed")
	}
	return row, nil
}

// open returns the secrets of a row.
func (k *Keys) open(r *Row) (secrets, error) {
	var s secrets
	text := r.Sealed
	if r.KeyID != "" {
		var err error
		if text, err = k.decrypt(r); err != nil {
			return s, err
		}
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return s, &Error{
			Message: "the tokens of account " + r.Name + " are damaged",
			Next:    again(r.Name),
		}
	}
	return s, nil
}

func (k *Keys) decrypt(r *Row) ([]byte, error) {
	for _, key := range k.list {
		if key.id != r.KeyID {
			continue
		}
		text, err := key.aead.Decrypt(r.Sealed, binding(r.Account, r.KeyID))
		if err != nil {
			return nil, &Error{
				Message: "the tokens of account " + r.Name + " do not belong to it: they were changed or moved",
				Next:    Advice{"find out who changed them, then sign in again", SignIn, r.Name},
			}
		}
		return text, nil
	}
	return nil, k.missing(r)
}

// hold tells whether what was sealed with a key can be opened.
func (k *Keys) hold(id string) bool {
	return id == "" || slices.ContainsFunc(k.list, func(key key) bool { return key.id == id })
}

// missing says that a row's key is not held.
func (k *Keys) missing(r *Row) *Error {
	if k.Empty() {
		return &Error{
			Message: "the tokens of account " + r.Name + " are encrypted, and there is no key",
			Next:    Advice{"set EXPORTER_TOKEN_KEY or EXPORTER_TOKEN_KEY_FILE to it; if it is lost for good, remove the account and sign in again", Remove, r.Name},
		}
	}
	return &Error{
		Message: "the tokens of account " + r.Name + " are encrypted with another key (" + r.KeyID + ")",
		Next:    Advice{"if that key is lost for good, remove the account and sign in again; else put it behind the new one, divided by a comma, into EXPORTER_TOKEN_KEY, then change the key", Rekey, r.Name},
	}
}
