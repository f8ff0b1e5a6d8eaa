package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// issued is a certificate with its key.
type issued struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// makeCertificates writes into dir: ca.pem, server.pem for 127.0.0.1, and NAME.pem for each line of
// names, whose subject is CN=NAME. All keys are P-256; each file but ca.pem holds its key too.
func makeCertificates(dir string, names io.Reader) error {
	authority, err := issue(&x509.Certificate{
		Subject:               pkix.Name{CommonName: "storm CA"},
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}, nil)
	if err != nil {
		return err
	}
	if err := write(filepath.Join(dir, "ca.pem"), authority, false); err != nil {
		return err
	}
	server, err := issue(&x509.Certificate{
		Subject:     pkix.Name{CommonName: "storm server"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, authority)
	if err != nil {
		return err
	}
	if err := write(filepath.Join(dir, "server.pem"), server, true); err != nil {
		return err
	}
	for lines := bufio.NewScanner(names); lines.Scan(); {
		client, err := issue(&x509.Certificate{
			Subject:     pkix.Name{CommonName: lines.Text()},
			KeyUsage:    x509.KeyUsageDigitalSignature,
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		}, authority)
		if err != nil {
			return err
		}
		if err := write(filepath.Join(dir, lines.Text()+".pem"), client, true); err != nil {
			return err
		}
	}
	return nil
}

// issue signs template with by, or with its own new key if by is nil.
func issue(template *x509.Certificate, by *issued) (*issued, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 64)); err != nil {
		return nil, err
	}
	template.NotBefore = time.Now().Add(-time.Hour)
	template.NotAfter = time.Now().Add(24 * time.Hour)
	if by == nil {
		by = &issued{template, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by.certificate, &key.PublicKey, by.key)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	return &issued{certificate, key}, err
}

func write(path string, what *issued, withKey bool) error {
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: what.certificate.Raw})
	if withKey {
		der, err := x509.MarshalPKCS8PrivateKey(what.key)
		if err != nil {
			return err
		}
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})...)
	}
	return os.WriteFile(path, text, 0o600)
}
