// Answers over TLS with what it knows of the connection.
package main

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
)

func main() {
	version := map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}[os.Getenv("VERSION")]
	server := &http.Server{
		Addr:      "127.0.0.1:" + os.Getenv("PORT"),
		TLSConfig: &tls.Config{MinVersion: version, MaxVersion: version},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			kind := "full"
			if r.TLS.DidResume {
				kind = "resumed"
			}
			fmt.Fprintf(w, "TLSv%s %s\n", os.Getenv("VERSION"), kind)
		}),
	}
	panic(server.ListenAndServeTLS(os.Getenv("CHAIN"), os.Getenv("KEY")))
}
