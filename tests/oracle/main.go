// The oracle answers questions about device allocation with the allocator that kube-scheduler runs.
//
// One question a line on standard input, one answer a line on standard output, in order, each written out at once.
// Shape of both: see README.md. With the argument `measure` it takes commands and says what they cost.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"k8s.io/dynamic-resource-allocation/structured"
)

func main() {
	timeout := flag.Duration("timeout", 10*time.Second, "time for one question; what takes longer is given up")
	engine := flag.String("engine", "", "stable, incubating or experimental; default: by the features of a question")
	flag.Parse()
	if flag.Arg(0) == "measure" {
		if err := measure(os.Stdin, os.Stdout); err != nil {
			log.Fatal(err)
		}
		return
	}
	if err := serve(os.Stdin, os.Stdout, *timeout, *engine); err != nil {
		log.Fatal(err)
	}
}

func serve(input io.Reader, output io.Writer, timeout time.Duration, engine string) error {
	reader := bufio.NewReaderSize(input, 1<<20)
	writer := json.NewEncoder(output)
	writer.SetEscapeHTML(false)
	for number := 1; ; number++ {
		line, end := reader.ReadBytes('\n')
		if end != nil && !errors.Is(end, io.EOF) {
			return fmt.Errorf("line %d: %w", number, end)
		}
		if !blank(line) {
			if err := writer.Encode(answerLine(line, number, timeout, engine)); err != nil {
				return fmt.Errorf("line %d: %w", number, err)
			}
		}
		if end != nil {
			return nil
		}
	}
}

func answerLine(line []byte, number int, timeout time.Duration, engine string) (given answer) {
	var asked question
	if err := json.Unmarshal(line, &asked); err != nil {
		return answer{Line: number, Error: text("line %d: %v", number, err)}
	}
	given.ID = asked.name()
	defer func() {
		if failure := recover(); failure != nil {
			given = answer{ID: asked.name(), Error: text("panic: %v", failure), Panic: true}
		}
	}()
	if engine == "" {
		engine = asked.features().engine()
	}
	structured.EnableAllocators(engine)
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	start := time.Now()
	results, steps, err := asked.allocate(ctx)
	given.Nanos = time.Since(start).Nanoseconds()
	given.Engine = engine
	given.Steps = steps
	switch {
	case ctx.Err() != nil:
		given.GaveUp = true
	case err != nil:
		given.Error = text("%v", err)
		given.NodeOnly = errors.Is(err, structured.ErrFailedAllocationOnNode)
	default:
		given.Results = results
		given.Allocated = results != nil
	}
	return given
}

func blank(line []byte) bool {
	for _, char := range line {
		if char != ' ' && char != '\t' && char != '\r' && char != '\n' {
			return false
		}
	}
	return true
}

func text(format string, values ...any) *string {
	formatted := fmt.Sprintf(format, values...)
	return &formatted
}
