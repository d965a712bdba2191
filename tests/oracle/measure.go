package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"syscall"
	"time"

	resourceapi "k8s.io/api/resource/v1"
	"k8s.io/dynamic-resource-allocation/cel"
	"k8s.io/dynamic-resource-allocation/structured"
)

// command is one line of input of `oracle measure`. What it does is told by the member that is there.
type command struct {
	Prepare *question       `json:"prepare"` // the question that is asked from now on
	Engine  string          `json:"engine"`  // with prepare: which variant is asked; none: by the features
	Repeat  *repetition     `json:"repeat"`  // ask it several times
	Cluster *clusterRequest `json:"cluster"` // start a cluster
	Add     *clusterObjects `json:"add"`     // more nodes and slices
	Hold    *[]use          `json:"hold"`    // the devices in use, in the place of those so far
	Shapes  []claimShape    `json:"shapes"`  // what pods ask for from now on
	Pods    *podsRequest    `json:"pods"`    // place some pods
}

// repetition asks the prepared question.
type repetition struct {
	Calls   int   `json:"calls"`
	Fresh   bool  `json:"fresh"`   // a new cache of compiled selectors for each call
	Timeout int64 `json:"timeout"` // milliseconds for one call; 0: none
}

// measured is what calls cost altogether: nanoseconds by the clock and of the processors, of all threads.
type measured struct {
	Error     *string    `json:"error,omitempty"`
	Wall      int64      `json:"wall"`
	Processor int64      `json:"processor"`
	Bytes     uint64     `json:"bytes"`
	Objects   uint64     `json:"objects"`
	Peak      int64      `json:"peak"` // bytes of resident memory, the most since the start
	Steps     int64      `json:"steps"`
	Allocated bool       `json:"allocated"`
	GaveUp    bool       `json:"gaveUp"`
	Devices   [][]string `json:"devices,omitempty"` // of each claim, in the last answer
	Pods      []pod      `json:"pods,omitempty"`
}

// bench is what commands have prepared.
type bench struct {
	question *question
	state    structured.AllocatedState
	cluster  *cluster
}

func measure(input io.Reader, output io.Writer) error {
	decoder := json.NewDecoder(input)
	encoder := json.NewEncoder(output)
	var prepared bench
	for number := 1; ; number++ {
		var given command
		if err := decoder.Decode(&given); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("command %d: %w", number, err)
		}
		found, err := prepared.obey(&given)
		if err != nil {
			found.Error = text("%v", err)
		}
		if err := encoder.Encode(found); err != nil {
			return fmt.Errorf("command %d: %w", number, err)
		}
	}
}

func (b *bench) obey(given *command) (measured, error) {
	switch {
	case given.Prepare != nil:
		return measured{}, b.prepare(given.Prepare, given.Engine)
	case given.Repeat != nil:
		if b.question == nil {
			return measured{}, errors.New("no question is prepared")
		}
		return b.repeat(given.Repeat)
	case given.Cluster != nil:
		b.cluster = newCluster(given.Cluster)
		return measured{}, nil
	case b.cluster == nil:
		return measured{}, errors.New("no cluster is started")
	case given.Add != nil:
		b.cluster.add(given.Add)
		return measured{}, nil
	case given.Hold != nil:
		b.cluster.hold(*given.Hold)
		return measured{}, nil
	case given.Shapes != nil:
		b.cluster.ask(given.Shapes)
		return measured{}, nil
	case given.Pods != nil:
		return b.cluster.place(given.Pods)
	}
	return measured{}, errors.New("the command says nothing")
}

func (b *bench) prepare(asked *question, engine string) error {
	if engine == "" {
		engine = asked.features().engine()
	}
	structured.EnableAllocators(engine)
	for _, claim := range asked.Claims {
		admit(claim)
	}
	b.question = asked
	b.state = asked.state()
	_, err := structured.NewAllocator(context.Background(), structured.Features(asked.features()), b.state, asked, asked.Slices, cel.NewCache(1, cel.Features{}))
	return err
}

// repeat makes an allocator and asks it, once for each call: that is what the scheduler does for a pod.
func (b *bench) repeat(how *repetition) (found measured, err error) {
	asked, features := b.question, structured.Features(b.question.features())
	cache := selectors(features)
	var results []resourceapi.AllocationResult
	watch := startWatch()
	for range how.Calls {
		if how.Fresh {
			cache = cel.NewCache(1000, celFeatures(features))
		}
		results, found.Steps, err = b.call(how, asked, features, cache)
		if errors.Is(err, context.DeadlineExceeded) {
			found.GaveUp = true
			err = nil
			break
		}
		if err != nil {
			break
		}
		found.Allocated = results != nil
	}
	watch.stop(&found)
	for _, result := range results {
		devices := []string{}
		for _, device := range result.Devices.Results {
			devices = append(devices, device.Device)
		}
		found.Devices = append(found.Devices, devices)
	}
	return found, err
}

func (b *bench) call(how *repetition, asked *question, features structured.Features, cache *cel.Cache) ([]resourceapi.AllocationResult, int64, error) {
	ctx := context.Background()
	if how.Timeout > 0 {
		limited, cancel := context.WithTimeout(ctx, time.Duration(how.Timeout)*time.Millisecond)
		defer cancel()
		ctx = limited
	}
	allocator, err := structured.NewAllocator(ctx, features, b.state, asked, asked.Slices, cache)
	if err != nil {
		return nil, -1, err
	}
	results, err := allocator.Allocate(ctx, &asked.Node, asked.Claims)
	if how.Timeout > 0 && ctx.Err() != nil {
		// Not every variant wraps the context's own error.
		err = ctx.Err()
	}
	return results, steps(allocator), err
}

// watch knows the time and the memory at its start.
type watch struct {
	wall      time.Time
	processor int64
	memory    runtime.MemStats
}

func startWatch() *watch {
	started := &watch{}
	runtime.ReadMemStats(&started.memory)
	started.processor, _ = usage()
	started.wall = time.Now()
	return started
}

func (w *watch) stop(found *measured) {
	found.Wall = time.Since(w.wall).Nanoseconds()
	processor, peak := usage()
	found.Processor = processor - w.processor
	found.Peak = peak
	var now runtime.MemStats
	runtime.ReadMemStats(&now)
	found.Bytes = now.TotalAlloc - w.memory.TotalAlloc
	found.Objects = now.Mallocs - w.memory.Mallocs
}

// usage is the processor's time in nanoseconds and the peak of resident memory in bytes.
func usage() (int64, int64) {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		panic(err)
	}
	return used.Utime.Nano() + used.Stime.Nano(), used.Maxrss * 1024
}
