// Command storm is the load of the benchmarks: the same program for every server, so that what it
// costs itself is the same for all of them and can be counted apart. Standard library only.
//
//	storm run < job.json            runs the job, prints a Result as JSON
//	storm certificates DIR < names  makes a CA, a server's certificate and one for each name
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Job is what a storm does: every visitor once, Parallel of them at a time.
type Job struct {
	Parallel int
	// CA is a PEM file with who signed the servers' certificates; empty without TLS.
	CA       string
	Visitors []Visitor
}

// Result is what a storm measured, if every answer of it was right.
type Result struct {
	Seconds float64 `json:"seconds"`
	// Milliseconds of each visit, the connection included, ascending.
	Milliseconds []float64 `json:"milliseconds"`
	// CPUSeconds of this program while the storm lasted.
	CPUSeconds float64 `json:"cpuSeconds"`
}

func run(job Job) (Result, error) {
	visits := make([]*visit, len(job.Visitors))
	for i, visitor := range job.Visitors {
		prepared, err := prepare(visitor, job.CA)
		if err != nil {
			return Result{}, err
		}
		visits[i] = prepared
	}
	milliseconds := make([]float64, len(visits))
	failures := make([]error, job.Parallel)
	var next atomic.Int64
	var workers sync.WaitGroup
	cpu, start := cpuSeconds(), time.Now()
	for worker := range failures {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for {
				i := int(next.Add(1)) - 1
				if i >= len(visits) {
					return
				}
				began := time.Now()
				if err := visits[i].do(); err != nil {
					failures[worker] = fmt.Errorf("visitor %d: %w", i, err)
					next.Store(int64(len(visits)))
					return
				}
				milliseconds[i] = time.Since(began).Seconds() * 1000
			}
		}()
	}
	workers.Wait()
	result := Result{time.Since(start).Seconds(), milliseconds, cpuSeconds() - cpu}
	sort.Float64s(milliseconds)
	for _, err := range failures {
		if err != nil {
			return Result{}, err
		}
	}
	return result, nil
}

// cpuSeconds is what this process has used so far, in user and in system mode.
func cpuSeconds() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
}

func main() {
	if err := command(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "storm:", err)
		os.Exit(1)
	}
}

func command(args []string) error {
	switch {
	case len(args) == 1 && args[0] == "run":
		var job Job
		if err := json.NewDecoder(os.Stdin).Decode(&job); err != nil {
			return err
		}
		result, err := run(job)
		if err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(result)
	case len(args) == 2 && args[0] == "certificates":
		return makeCertificates(args[1], os.Stdin)
	}
	return fmt.Errorf("usage: storm run | storm certificates DIR")
}
