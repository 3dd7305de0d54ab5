package extract

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"syscall"
)

const (
	// adviceTrouble is what to do about trouble that passes.
	adviceTrouble = "Spotify or the network has trouble; try again later"
	// adviceOnline is what to do when no network is to be seen.
	adviceOnline = "check that this machine is online"
	// advicePortal is what to do when somebody else answers in place of Spotify.
	advicePortal = "open a web page in a browser, as the network may want you to sign in to it first; otherwise check %s and the proxy"
)

// A trouble is why a request was not answered.
type trouble struct {
	why, advice string
	final       bool  // another try would end in the same way
	err         error // the rest of the message, if why does not say it all
}

// A proxyError says that a proxy does not let a request pass.
type proxyError struct {
	host   string
	status int
}

func (e *proxyError) Error() string {
	return fmt.Sprintf("the proxy %s answers HTTP %d %s", e.host, e.status, http.StatusText(e.status))
}

// proxyAnswer turns the refusal of a proxy into an error.
func proxyAnswer(_ context.Context, proxy *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode != http.StatusOK {
		return &proxyError{proxy.Host, answer.StatusCode}
	}
	return nil
}

// troubleOf finds out why a request to a service was not answered. The service's
// address can be set by a variable.
func troubleOf(err error, variable string) trouble {
	var proxy *proxyError
	var network *net.OpError
	var name *net.DNSError
	check := "check " + variable + ", if it is set, "
	switch {
	case errors.As(err, &proxy) && proxy.status == http.StatusProxyAuthRequired:
		return trouble{why: proxy.Error(), advice: "put user and password of the proxy into HTTPS_PROXY, percent-encoded: @ is %40", final: true}
	case errors.As(err, &proxy):
		return trouble{why: proxy.Error(), advice: "check HTTPS_PROXY and what the proxy allows; NO_PROXY lists hosts that are reached directly"}
	case errors.As(err, &network) && network.Op == "proxyconnect":
		return trouble{why: "the proxy cannot be reached", advice: "check HTTPS_PROXY, or unset it to connect directly", err: innermost(network.Err)}
	case errors.As(err, &name) && name.IsNotFound:
		return trouble{why: "there is no host named " + name.Name, advice: adviceOnline + "; " + check + "and the name server"}
	case errors.As(err, &name):
		return trouble{why: "the host name " + name.Name + " cannot be looked up", advice: adviceOnline + ", and the name server"}
	case errors.Is(err, syscall.ECONNREFUSED):
		return trouble{why: "nothing listens there (connection refused)", advice: check + "and the firewall"}
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETDOWN), errors.Is(err, syscall.EHOSTDOWN):
		return trouble{why: "there is no route to the host", advice: adviceOnline}
	}
	if t := tlsTrouble(err, variable); t.why != "" {
		return t
	}
	return trouble{why: "no answer", advice: adviceTrouble, err: plainly(err)}
}

// tlsTrouble is what is wrong with the certificate or the encryption; nothing, when
// that is not the cause.
func tlsTrouble(err error, variable string) trouble {
	var roots x509.SystemRootsError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	portal := fmt.Sprintf(advicePortal, variable)
	switch {
	case errors.As(err, &roots):
		return trouble{why: "this machine has no certificates of authorities", advice: "install them: the package is often called ca-certificates", final: true}
	case errors.As(err, &authority):
		return trouble{why: "the TLS certificate is not trusted (unknown authority)", advice: "install the package ca-certificates, or, behind a proxy that inspects TLS, the certificate of its authority; or " + portal, final: true}
	case errors.As(err, &host):
		return trouble{why: "the TLS certificate is for another host name", advice: portal, final: true}
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return trouble{why: "the TLS certificate has expired or is not valid yet", advice: "set the clock of this machine; or " + portal, final: true}
	case errors.As(err, &invalid):
		return trouble{why: "the TLS certificate is not valid", advice: portal, final: true}
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return trouble{why: "the server does not speak TLS", advice: portal, final: true}
	}
	return trouble{}
}

// innermost is the system's own error of a chain, without the addresses around it.
func innermost(err error) error {
	var number syscall.Errno
	var name *net.DNSError
	switch {
	case errors.As(err, &number):
		return number
	case errors.As(err, &name):
		return errors.New("there is no host of that name")
	}
	return plainly(err)
}
