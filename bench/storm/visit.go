package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"
)

// Visitor is one client: its requests go one after another, all those to one address over one
// connection, which no other visitor uses.
type Visitor struct {
	// Certificate is a PEM file with the client's certificate and key; empty without TLS.
	Certificate string
	Requests    []Request
}

// Request is one request and what its answer must be.
type Request struct {
	Method  string
	URL     string
	Headers map[string]string
	Body    []byte
	// Presigned: URL and more headers are what the answer before gave, a coatcheck server's.
	Presigned bool
	Status    int
	// SHA256 of the answer's body, in hex; empty where it cannot be known before.
	SHA256 string
}

const visitTimeout = 60 * time.Second

// visit is a visitor with everything done that need not be measured.
type visit struct {
	requests []Request
	tls      *tls.Config
}

func prepare(visitor Visitor, ca string) (*visit, error) {
	prepared := &visit{requests: visitor.Requests}
	if ca == "" {
		return prepared, nil
	}
	authority, err := os.ReadFile(ca)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	certificate, err := tls.LoadX509KeyPair(visitor.Certificate, visitor.Certificate)
	if err != nil {
		return nil, err
	}
	prepared.tls = &tls.Config{
		RootCAs:          roots,
		Certificates:     []tls.Certificate{certificate},
		MinVersion:       tls.VersionTLS13,
		CurvePreferences: []tls.CurveID{tls.CurveP256},
	}
	return prepared, nil
}

func (v *visit) do() error {
	connections := map[string]*connection{}
	defer func() {
		for _, c := range connections {
			c.Close()
		}
	}()
	var before []byte
	for _, wanted := range v.requests {
		if wanted.Presigned {
			if err := wanted.follow(before); err != nil {
				return err
			}
		}
		target, err := url.Parse(wanted.URL)
		if err != nil {
			return err
		}
		c := connections[target.Host]
		if c == nil {
			if c, err = v.connect(target); err != nil {
				return err
			}
			connections[target.Host] = c
		}
		if before, err = c.ask(wanted, target); err != nil {
			return fmt.Errorf("%s %s: %w", wanted.Method, target.Path, err)
		}
	}
	return nil
}

// follow takes what is presigned from {"url"} or from {"put": {"url", "headers"}}.
func (r *Request) follow(answer []byte) error {
	type presigned struct {
		URL     string
		Headers map[string]string
		Put     *presigned
	}
	var given presigned
	if err := json.Unmarshal(answer, &given); err != nil {
		return err
	}
	if given.Put != nil {
		given = *given.Put
	}
	r.URL, r.Headers = given.URL, given.Headers
	return nil
}

type connection struct {
	net.Conn
	reader *bufio.Reader
}

func (v *visit) connect(target *url.URL) (*connection, error) {
	plain, err := net.Dial("tcp", target.Host)
	if err != nil {
		return nil, err
	}
	plain.SetDeadline(time.Now().Add(visitTimeout))
	if v.tls == nil {
		return &connection{plain, bufio.NewReader(plain)}, nil
	}
	config := v.tls.Clone()
	config.ServerName = target.Hostname()
	secure := tls.Client(plain, config)
	return &connection{secure, bufio.NewReader(secure)}, nil
}

// ask sends the request and gives the answer's body, if status and body are what was wanted.
func (c *connection) ask(wanted Request, target *url.URL) ([]byte, error) {
	request := &http.Request{
		Method:        wanted.Method,
		URL:           target,
		Header:        http.Header{},
		ContentLength: int64(len(wanted.Body)),
	}
	if len(wanted.Body) > 0 {
		request.Body = io.NopCloser(bytes.NewReader(wanted.Body))
	}
	for name, value := range wanted.Headers {
		request.Header.Set(name, value)
	}
	if err := request.Write(c); err != nil {
		return nil, err
	}
	answer, err := http.ReadResponse(c.reader, request)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != wanted.Status {
		return nil, fmt.Errorf("status %d: %.200s", answer.StatusCode, body)
	}
	if digest := sha256.Sum256(body); wanted.SHA256 != "" && hex.EncodeToString(digest[:]) != wanted.SHA256 {
		return nil, fmt.Errorf("other bytes than were stored: %d of them", len(body))
	}
	return body, nil
}
