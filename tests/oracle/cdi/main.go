// The CDI oracle answers what the validator of the Container Device Interface says of a specification.
//
// One specification a line on standard input, as JSON; one answer a line on standard output, in order: the names of its
// devices and the least version of CDI that knows what it uses, or what is wrong with it.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log"
	"os"
	"path/filepath"
	"sort"

	"tags.cncf.io/container-device-interface/pkg/cdi"
)

type answer struct {
	Devices []string `json:"devices,omitempty"`
	Least   string   `json:"least,omitempty"`
	Error   string   `json:"error,omitempty"`
}

func main() {
	log.SetFlags(0)
	folder, err := os.MkdirTemp("", "cdi-oracle-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	if err := serve(os.Stdin, os.Stdout, folder); err != nil {
		log.Fatal(err)
	}
}

func serve(input io.Reader, output io.Writer, folder string) error {
	reader := bufio.NewReaderSize(input, 1<<20)
	writer := json.NewEncoder(output)
	for {
		line, end := reader.ReadBytes('\n')
		if end != nil && !errors.Is(end, io.EOF) {
			return end
		}
		if len(bytes.TrimSpace(line)) > 0 {
			given, err := judge(line, filepath.Join(folder, "one.json"))
			if err != nil {
				given = answer{Error: err.Error()}
			}
			if err := writer.Encode(given); err != nil {
				return err
			}
		}
		if end != nil {
			return nil
		}
	}
}

// judge reads a specification as a container runtime does: from a file, strictly, so that unknown fields are errors.
func judge(text []byte, path string) (answer, error) {
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return answer{}, err
	}
	spec, err := cdi.ReadSpec(path, 0)
	if err != nil {
		return answer{}, err
	}
	least, err := cdi.MinimumRequiredVersion(spec.Spec)
	if err != nil {
		return answer{}, err
	}
	given := answer{Least: least}
	for _, device := range spec.Devices {
		given.Devices = append(given.Devices, device.Name)
	}
	sort.Strings(given.Devices)
	return given, nil
}
