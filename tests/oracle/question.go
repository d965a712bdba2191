package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"

	corev1 "k8s.io/api/core/v1"
	resourceapi "k8s.io/api/resource/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/dynamic-resource-allocation/cel"
	"k8s.io/dynamic-resource-allocation/structured"
)

// question is one line of input: may the claims of one pod have devices on this node, and which?
type question struct {
	ID       string                       `json:"id"`
	Name     string                       `json:"name"`
	Features *switches                    `json:"features"`
	Node     corev1.Node                  `json:"node"`
	Classes  []*resourceapi.DeviceClass   `json:"classes"`
	Slices   []*resourceapi.ResourceSlice `json:"slices"`
	Claims   []*resourceapi.ResourceClaim `json:"claims"`

	AllocatedClaims       []resourceapi.ResourceClaim `json:"allocatedClaims"`
	AllocatedDevices      []use                       `json:"allocatedDevices"`
	AllocatedSharedDevice []use                       `json:"allocatedSharedDevices"`
	AggregatedCapacity    []use                       `json:"aggregatedCapacity"`
}

// use is a device that is in use, or a share of it, or what is consumed of it.
type use struct {
	Driver   string                                          `json:"driver"`
	Pool     string                                          `json:"pool"`
	Device   string                                          `json:"device"`
	ShareID  types.UID                                       `json:"shareID"`
	Consumed map[resourceapi.QualifiedName]resource.Quantity `json:"consumedCapacity"`
}

// answer is one line of output. Without an error and without results there is nothing for the claims on the node.
type answer struct {
	ID        string                         `json:"id,omitempty"`
	Line      int                            `json:"line,omitempty"`
	Results   []resourceapi.AllocationResult `json:"results"`
	Allocated bool                           `json:"allocated"`
	Error     *string                        `json:"error"`
	NodeOnly  bool                           `json:"nodeOnly"`
	GaveUp    bool                           `json:"gaveUp"`
	Panic     bool                           `json:"panic,omitempty"`
	Engine    string                         `json:"engine,omitempty"`
	Steps     int64                          `json:"steps"`
	Nanos     int64                          `json:"nanos"`
}

// switches are the features that are on.
type switches structured.Features

// UnmarshalJSON takes upstream's names and no others: a misspelt name would be a feature that is off.
func (s *switches) UnmarshalJSON(data []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	return decoder.Decode((*structured.Features)(s))
}

// engine is the least of the engines of a 1.37 cluster that knows all features that are on.
func (s switches) engine() string {
	if s.ListTypeAttributes || s.DerivedAttributes || s.CompatibilityGroups || s.OptionalNodeOperations {
		return "experimental"
	}
	return "incubating"
}

func (q *question) name() string {
	if q.ID == "" {
		return q.Name
	}
	return q.ID
}

func (q *question) features() switches {
	if q.Features != nil {
		return *q.Features
	}
	return switches{
		AdminAccess:             true,
		ConsumableCapacity:      true,
		DeviceBindingAndStatus:  true,
		DeviceTaints:            true,
		FractionalCapacityRange: true,
		PartitionableDevices:    true,
		PrioritizedList:         true,
	}
}

// allocate asks the allocator. The steps are the invocations that it counts itself, -1 if it does not.
func (q *question) allocate(ctx context.Context) ([]resourceapi.AllocationResult, int64, error) {
	features := structured.Features(q.features())
	for _, claim := range q.Claims {
		admit(claim)
	}
	allocator, err := structured.NewAllocator(ctx, features, q.state(), q, q.Slices, selectors(features))
	if err != nil {
		return nil, -1, err
	}
	results, err := allocator.Allocate(ctx, &q.Node, q.Claims)
	return results, steps(allocator), err
}

// state is what the scheduler gathers from claims that have devices.
func (q *question) state() structured.AllocatedState {
	state := structured.AllocatedState{
		AllocatedDevices:         sets.New[structured.DeviceID](),
		AllocatedSharedDeviceIDs: sets.New[structured.SharedDeviceID](),
		AggregatedCapacity:       structured.NewConsumedCapacityCollection(),
	}
	for _, used := range q.AllocatedDevices {
		state.AllocatedDevices.Insert(used.device())
	}
	for _, used := range q.AllocatedSharedDevice {
		state.AllocatedSharedDeviceIDs.Insert(structured.MakeSharedDeviceID(used.device(), &used.ShareID))
	}
	for _, used := range q.AggregatedCapacity {
		state.AggregatedCapacity.Insert(structured.NewDeviceConsumedCapacity(used.device(), used.Consumed))
	}
	shares := q.features().ConsumableCapacity
	for _, claim := range q.AllocatedClaims {
		if claim.Status.Allocation == nil {
			continue
		}
		for _, result := range claim.Status.Allocation.Devices.Results {
			device := structured.MakeDeviceID(result.Driver, result.Pool, result.Device)
			switch {
			case result.AdminAccess != nil && *result.AdminAccess:
			case result.ShareID == nil || !shares:
				state.AllocatedDevices.Insert(device)
			default:
				state.AllocatedSharedDeviceIDs.Insert(structured.MakeSharedDeviceID(device, result.ShareID))
				if result.ConsumedCapacity != nil {
					consumed := structured.NewDeviceConsumedCapacity(device, result.ConsumedCapacity)
					state.AggregatedCapacity.Insert(consumed)
				}
			}
		}
	}
	return state
}

func (u *use) device() structured.DeviceID {
	return structured.MakeDeviceID(u.Driver, u.Pool, u.Device)
}

// List is part of the lister of classes that the allocator wants.
func (q *question) List() ([]*resourceapi.DeviceClass, error) {
	return q.Classes, nil
}

// Get is part of the lister of classes that the allocator wants.
func (q *question) Get(name string) (*resourceapi.DeviceClass, error) {
	for _, class := range q.Classes {
		if class.Name == name {
			return class, nil
		}
	}
	return nil, fmt.Errorf("there is no device class %q", name)
}

// admit sets the defaults that the API server sets when a claim is created.
func admit(claim *resourceapi.ResourceClaim) {
	for i := range claim.Spec.Devices.Requests {
		request := &claim.Spec.Devices.Requests[i]
		if exactly := request.Exactly; exactly != nil {
			admitMode(&exactly.AllocationMode, &exactly.Count)
			admitTolerations(exactly.Tolerations)
		}
		for j := range request.FirstAvailable {
			alternative := &request.FirstAvailable[j]
			admitMode(&alternative.AllocationMode, &alternative.Count)
			admitTolerations(alternative.Tolerations)
		}
	}
}

func admitMode(mode *resourceapi.DeviceAllocationMode, count *int64) {
	if *mode == "" {
		*mode = resourceapi.DeviceAllocationModeExactCount
	}
	if *mode == resourceapi.DeviceAllocationModeExactCount && *count == 0 {
		*count = 1
	}
}

func admitTolerations(tolerations []resourceapi.DeviceToleration) {
	for i := range tolerations {
		if tolerations[i].Operator == "" {
			tolerations[i].Operator = resourceapi.DeviceTolerationOpEqual
		}
	}
}

var caches = map[cel.Features]*cel.Cache{}

// selectors is the cache of compiled selectors for these features.
func selectors(features structured.Features) *cel.Cache {
	key := celFeatures(features)
	cache := caches[key]
	if cache == nil {
		cache = cel.NewCache(1000, key)
		caches[key] = cache
	}
	return cache
}

func celFeatures(features structured.Features) cel.Features {
	return cel.Features{
		EnableConsumableCapacity: features.ConsumableCapacity,
		EnableListTypeAttributes: features.ListTypeAttributes,
	}
}

// steps reads the allocator's own count of its steps: the method is exported, its type lives in an internal package.
func steps(allocator structured.Allocator) int64 {
	count := reflect.ValueOf(allocator).MethodByName("GetStats")
	if !count.IsValid() {
		return -1
	}
	return count.Call(nil)[0].FieldByName("NumAllocateOneInvocations").Int()
}
