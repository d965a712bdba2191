// The validation oracle answers what the API server of Kubernetes says of an object that is created or changed.
//
// One question a line on standard input, one answer a line on standard output, in order, each written out at once.
// Shape of both: see ../../data/validation/README.md.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
)

// question asks about one object. With "old" it is a change of an object that exists; with "subresource" set to
// "status" the change is one of the status. "features" says which feature gates are on. With "defaults" it asks what the
// object is in resource.k8s.io/v1 once it is decoded and the defaults are set, and nothing else. With "policies" it asks
// what these ValidatingAdmissionPolicies say of the object, which is created in "namespace".
type question struct {
	ID          string          `json:"id"`
	Object      json.RawMessage `json:"object"`
	Old         json.RawMessage `json:"old,omitempty"`
	Subresource string          `json:"subresource,omitempty"`
	Features    string          `json:"features,omitempty"`
	Defaults    bool            `json:"defaults,omitempty"`

	Policies  []json.RawMessage `json:"policies,omitempty"`
	Namespace json.RawMessage   `json:"namespace,omitempty"`
}

// answer holds what is wrong with the object; nothing if the API server takes it. "failure" is for questions that are
// none: the oracle could not ask.
type answer struct {
	ID          string          `json:"id"`
	DecodeError string          `json:"decodeError,omitempty"`
	Errors      []wrong         `json:"errors,omitempty"`
	Defaulted   json.RawMessage `json:"defaulted,omitempty"`
	Failure     string          `json:"failure,omitempty"`
}

// wrong is one error, as the API server's answer 422 lists it.
type wrong struct {
	Field  string `json:"field"`
	Type   string `json:"type"`
	Detail string `json:"detail"`
}

func main() {
	log.SetFlags(0)
	if err := serve(os.Stdin, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func serve(input io.Reader, output io.Writer) error {
	reader := bufio.NewReaderSize(input, 1<<20)
	writer := json.NewEncoder(output)
	writer.SetEscapeHTML(false)
	for number := 1; ; number++ {
		line, end := reader.ReadBytes('\n')
		if end != nil && !errors.Is(end, io.EOF) {
			return fmt.Errorf("line %d: %w", number, end)
		}
		if len(bytes.TrimSpace(line)) > 0 {
			if err := writer.Encode(answerLine(line, number)); err != nil {
				return fmt.Errorf("line %d: %w", number, err)
			}
		}
		if end != nil {
			return nil
		}
	}
}

func answerLine(line []byte, number int) (given answer) {
	var asked question
	if err := json.Unmarshal(line, &asked); err != nil {
		return answer{Failure: fmt.Sprintf("line %d: %v", number, err)}
	}
	defer func() {
		if failure := recover(); failure != nil {
			given = answer{ID: asked.ID, Failure: fmt.Sprintf("panic: %v", failure)}
		}
	}()
	given, err := judge(asked)
	if err != nil {
		given.Failure = err.Error()
	}
	given.ID = asked.ID
	return given
}
