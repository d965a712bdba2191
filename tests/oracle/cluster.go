package main

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	resourceapi "k8s.io/api/resource/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/dynamic-resource-allocation/structured"
)

// clusterRequest starts a cluster without nodes.
type clusterRequest struct {
	Features *switches                  `json:"features"`
	Classes  []*resourceapi.DeviceClass `json:"classes"`
}

// clusterObjects are added to a cluster: nodes in order, and what they publish.
type clusterObjects struct {
	Nodes  []string                     `json:"nodes"`
	Slices []*resourceapi.ResourceSlice `json:"slices"`
}

// claimShape is the spec of a pod's only claim.
type claimShape = resourceapi.ResourceClaimSpec

// podsRequest places pods one after the other, shapes in turn, and gives their devices back at the end.
type podsRequest struct {
	Count int `json:"count"`
	// Rotate begins the search for each pod where the last one ended, as the scheduler does; otherwise each begins at the first node.
	Rotate bool `json:"rotate"`
	// Feasible is how many nodes a pod must fit before the search ends; the first one is taken.
	Feasible int `json:"feasible"`
}

// pod is what became of one.
type pod struct {
	Wall     int64    `json:"wall"`
	Searches int      `json:"searches"` // how many nodes were asked
	Node     string   `json:"node"`     // empty: none fits
	Devices  []string `json:"devices"`
}

// cluster is what the scheduler has in its caches.
type cluster struct {
	asked  question
	nodes  []*corev1.Node
	slices []*resourceapi.ResourceSlice
	claims []*resourceapi.ResourceClaim
	state  structured.AllocatedState
	next   int
	placed int
}

func newCluster(given *clusterRequest) *cluster {
	asked := question{Features: given.Features, Classes: given.Classes}
	structured.EnableAllocators(asked.features().engine())
	return &cluster{asked: asked, state: asked.state()}
}

func (c *cluster) add(given *clusterObjects) {
	for _, name := range given.Nodes {
		c.nodes = append(c.nodes, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}})
	}
	c.slices = append(c.slices, given.Slices...)
}

func (c *cluster) hold(used []use) {
	c.state.AllocatedDevices = sets.New[structured.DeviceID]()
	for _, used := range used {
		c.state.AllocatedDevices.Insert(used.device())
	}
}

func (c *cluster) ask(shapes []claimShape) {
	c.claims = nil
	c.next, c.placed = 0, 0
	for i, shape := range shapes {
		claim := &resourceapi.ResourceClaim{Spec: shape}
		claim.Name, claim.Namespace = fmt.Sprintf("shape-%d", i), "default"
		admit(claim)
		c.claims = append(c.claims, claim)
	}
}

func (c *cluster) place(given *podsRequest) (found measured, err error) {
	if len(c.nodes) == 0 || len(c.claims) == 0 {
		return found, fmt.Errorf("%d nodes and %d shapes: nothing to place", len(c.nodes), len(c.claims))
	}
	given.Feasible = max(1, given.Feasible)
	var taken []structured.DeviceID
	watch := startWatch()
	for range given.Count {
		began := time.Now()
		one, devices, steps, err := c.pod(given)
		if err != nil {
			return found, err
		}
		one.Wall = time.Since(began).Nanoseconds()
		found.Pods = append(found.Pods, one)
		found.Steps += steps
		taken = append(taken, devices...)
	}
	watch.stop(&found)
	c.state.AllocatedDevices.Delete(taken...)
	return found, nil
}

// pod is one cycle of the scheduler, on one thread: the state is cloned, an allocator made, the nodes asked.
func (c *cluster) pod(given *podsRequest) (one pod, taken []structured.DeviceID, count int64, err error) {
	ctx, features := context.Background(), structured.Features(c.asked.features())
	claims := []*resourceapi.ResourceClaim{c.claims[c.placed%len(c.claims)]}
	c.placed++
	state := structured.AllocatedState{
		AllocatedDevices:         c.state.AllocatedDevices.Clone(),
		AllocatedSharedDeviceIDs: c.state.AllocatedSharedDeviceIDs.Clone(),
		AggregatedCapacity:       c.state.AggregatedCapacity.Clone(),
	}
	allocator, err := structured.NewAllocator(ctx, features, state, &c.asked, c.slices, selectors(features))
	if err != nil {
		return one, nil, 0, err
	}
	start := 0
	if given.Rotate {
		start = c.next
	}
	var chosen []resourceapi.AllocationResult
	for fitting := 0; fitting < given.Feasible && one.Searches < len(c.nodes); one.Searches++ {
		node := c.nodes[(start+one.Searches)%len(c.nodes)]
		results, err := allocator.Allocate(ctx, node, claims)
		if err != nil {
			return one, nil, 0, err
		}
		if results == nil {
			continue
		}
		fitting++
		if chosen == nil {
			chosen, one.Node = results, node.Name
		}
	}
	c.next = (start + one.Searches) % len(c.nodes)
	for _, result := range chosen {
		for _, device := range result.Devices.Results {
			one.Devices = append(one.Devices, device.Device)
			taken = append(taken, structured.MakeDeviceID(device.Driver, device.Pool, device.Device))
		}
	}
	c.state.AllocatedDevices.Insert(taken...)
	return one, taken, steps(allocator), nil
}
