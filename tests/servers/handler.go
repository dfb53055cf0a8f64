// The handler is told by an event: the context of its request ends.
package main

import (
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"
)

func main() {
	workMs, err := strconv.Atoi(os.Getenv("WORK_MS"))
	if err != nil {
		log.Fatal(err)
	}
	witness, err := net.Dial("udp", "127.0.0.1:"+os.Getenv("WITNESS"))
	if err != nil {
		log.Fatal(err)
	}

	http.HandleFunc("/quick", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "quick")
	})
	http.HandleFunc("/event", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(witness, "begin")
		select {
		case <-r.Context().Done():
			fmt.Fprint(witness, "gone")
		case <-time.After(time.Duration(workMs) * time.Millisecond):
			fmt.Fprint(witness, "end")
			fmt.Fprintln(w, "done")
		}
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}
