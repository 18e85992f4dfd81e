package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"
)

// talker says to a server what is in a file, all at once, and prints what it is
// answered until the server hangs up: talker ADDR FILE. It waits until the
// server is up. With "second"
// behind, it talks over a second connection, while a first is open.
func talker() {
	if err := talk(os.Args[1], os.Args[2], len(os.Args[3:]) > 0); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func talk(addr, file string, second bool) error {
	said, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	conn, err := reach(addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	if second {
		if _, err := conn.Read(make([]byte, 1)); err != nil { // it is served
			return err
		}
		if conn, err = net.Dial("tcp", addr); err != nil {
			return err
		}
		defer conn.Close()
	}
	if _, err := io.WriteString(conn, strings.ReplaceAll(string(said), "\n", "\r\n")); err != nil {
		return err
	}
	if _, err := io.Copy(os.Stdout, conn); err != nil && !strings.Contains(err.Error(), "reset") {
		return err
	}
	return nil
}

// reach dials until somebody listens: the story starts both at once.
func reach(addr string) (conn net.Conn, err error) {
	for range 500 {
		if conn, err = net.Dial("tcp", addr); err == nil {
			return conn, nil
		}
		<-time.After(20 * time.Millisecond)
	}
	return nil, err
}
