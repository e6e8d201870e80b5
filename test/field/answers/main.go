// A receiver of net/http, told by its first argument how to behave: go run main.go MODE PORT CERT KEY.
package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
)

func main() {
	mode, port, cert, key := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	handler := func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		switch mode {
		case "interim":
			w.WriteHeader(http.StatusContinue)
			w.WriteHeader(http.StatusProcessing)
			w.Header().Set("Link", "</style.css>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
		case "short":
			w.Header().Set("Content-Length", "10")
		case "abort":
			w.Write([]byte("ok"))
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
		fmt.Fprint(w, "ok")
	}
	server := &http.Server{Addr: "127.0.0.1:" + port, Handler: http.HandlerFunc(handler), TLSConfig: &tls.Config{}}
	switch mode {
	case "certificate":
		server.TLSConfig.ClientAuth = tls.RequireAndVerifyClientCert
	case "certificate12":
		server.TLSConfig.ClientAuth = tls.RequireAndVerifyClientCert
		server.TLSConfig.MaxVersion = tls.VersionTLS12
	case "h2":
		server.Protocols = new(http.Protocols)
		server.Protocols.SetHTTP2(true)
	}
	if err := server.ListenAndServeTLS(cert, key); err != nil {
		panic(err)
	}
}
