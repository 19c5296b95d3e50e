// Asks for each path that comes by a line, with the cookies of net/http/cookiejar, and writes the body by a line.
package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
)

func main() {
	jar, err := cookiejar.New(nil)
	if err != nil {
		panic(err)
	}
	client := http.Client{Jar: jar}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		response, err := client.Get(os.Args[1] + lines.Text())
		if err != nil {
			panic(err)
		}
		body, err := io.ReadAll(response.Body)
		if err != nil {
			panic(err)
		}
		_ = response.Body.Close()
		fmt.Println(string(body))
	}
}
