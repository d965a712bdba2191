package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	resourcev1 "k8s.io/api/resource/v1"
	apiextensionsinstall "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/install"
	"k8s.io/apiextensions-apiserver/pkg/registry/customresourcedefinition"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	v1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/component-base/featuregate"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	_ "k8s.io/kubernetes/pkg/apis/admissionregistration/install"
	"k8s.io/kubernetes/pkg/apis/core"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	corevalidation "k8s.io/kubernetes/pkg/apis/core/validation"
	"k8s.io/kubernetes/pkg/apis/resource"
	_ "k8s.io/kubernetes/pkg/apis/resource/install"
	"k8s.io/kubernetes/pkg/features"
	"k8s.io/kubernetes/pkg/registry/admissionregistration/validatingadmissionpolicy"
	"k8s.io/kubernetes/pkg/registry/admissionregistration/validatingadmissionpolicybinding"
	"k8s.io/kubernetes/pkg/registry/core/resourcequota"
	"k8s.io/kubernetes/pkg/registry/resource/deviceclass"
	"k8s.io/kubernetes/pkg/registry/resource/devicetaintrule"
	"k8s.io/kubernetes/pkg/registry/resource/resourceclaim"
	"k8s.io/kubernetes/pkg/registry/resource/resourceclaimtemplate"
	"k8s.io/kubernetes/pkg/registry/resource/resourceslice"
)

// strategy is how the API server treats the objects of one kind.
type strategy interface {
	rest.RESTCreateStrategy
	rest.RESTUpdateStrategy
}

// kind names the resource of a kind and its strategies; a status that cannot be asked about alone has none.
type kind struct {
	resource string
	main     strategy
	status   rest.RESTUpdateStrategy
}

var kinds = func() map[string]kind {
	apiextensionsinstall.Install(legacyscheme.Scheme)
	policies := validatingadmissionpolicy.NewStrategy(nil, nil)
	bindings := validatingadmissionpolicybinding.NewStrategy(nil, nil, nil)
	definitions := customresourcedefinition.NewStrategy(legacyscheme.Scheme)
	claims := resourceclaim.NewStrategy(namespaces{}, allowed{})
	return map[string]kind{
		"DeviceClass":           {"deviceclasses", deviceclass.Strategy, nil},
		"ResourceSlice":         {"resourceslices", resourceslice.Strategy, nil},
		"ResourceClaim":         {"resourceclaims", claims, resourceclaim.NewStatusStrategy(claims)},
		"ResourceClaimTemplate": {"resourceclaimtemplates", resourceclaimtemplate.NewStrategy(namespaces{}), nil},
		"DeviceTaintRule":       {"devicetaintrules", devicetaintrule.Strategy, devicetaintrule.StatusStrategy},

		"ResourceQuota":                    {"resourcequotas", resourcequota.Strategy, nil},
		"CustomResourceDefinition":         {"customresourcedefinitions", definitions, nil},
		"ValidatingAdmissionPolicy":        {"validatingadmissionpolicies", policies, nil},
		"ValidatingAdmissionPolicyBinding": {"validatingadmissionpolicybindings", bindings, nil},
	}
}()

// decoder reads as the API server does for a request with fieldValidation=Strict: unknown and duplicate fields are
// errors, defaults are set, and what comes out is the internal form that validation looks at.
var decoder = legacyscheme.Codecs.DecoderToVersion(
	json.NewSerializerWithOptions(json.DefaultMetaFactory, legacyscheme.Scheme, legacyscheme.Scheme,
		json.SerializerOptions{Strict: true}),
	runtime.InternalGroupVersioner,
)

func judge(asked question) (answer, error) {
	if err := gates(asked.Features); err != nil {
		return answer{}, err
	}
	if len(asked.Policies) > 0 {
		return refusals(asked)
	}
	object, version, err := decoder.Decode(asked.Object, nil, nil)
	if err != nil {
		return answer{DecodeError: err.Error()}, nil
	}
	if asked.Defaults {
		filled, err := runtime.Encode(legacyscheme.Codecs.LegacyCodec(resourcev1.SchemeGroupVersion), object)
		return answer{Defaulted: filled}, err
	}
	if node, ok := object.(*core.Node); ok {
		return answered(apierrors.NewInvalid(version.GroupKind(), node.Name, corevalidation.ValidateNode(node)))
	}
	known, ok := kinds[version.Kind]
	if !ok {
		return answer{}, fmt.Errorf("no strategy for kind %q", version.Kind)
	}
	var old runtime.Object
	if len(asked.Old) > 0 {
		if old, _, err = decoder.Decode(asked.Old, nil, nil); err != nil {
			return answer{}, fmt.Errorf("old object: %w", err)
		}
	}
	switch {
	case asked.Subresource == "status" && (known.status == nil || old == nil):
		return answer{}, fmt.Errorf("a status of kind %q cannot be changed like this", version.Kind)
	case asked.Subresource != "" && asked.Subresource != "status":
		return answer{}, fmt.Errorf("unknown subresource %q", asked.Subresource)
	case asked.Subresource == "status":
		return answered(update(known.status, known.resource, asked.Subresource, *version, object, old))
	case old != nil:
		return answered(update(known.main, known.resource, "", *version, object, old))
	default:
		return answered(create(known.main, known.resource, *version, object))
	}
}

func create(how strategy, resource string, version schema.GroupVersionKind, object runtime.Object) error {
	accessor, err := meta.Accessor(object)
	if err != nil {
		return err
	}
	ctx := asking(how, "create", resource, "", version, accessor)
	rest.FillObjectMetaSystemFields(accessor)
	if accessor.GetName() == "" && accessor.GetGenerateName() != "" {
		accessor.SetName(how.GenerateName(accessor.GetGenerateName()))
	}
	return rest.BeforeCreate(how, ctx, object)
}

func update(how rest.RESTUpdateStrategy, resource, subresource string, version schema.GroupVersionKind, object, old runtime.Object) error {
	before, err := meta.Accessor(old)
	if err != nil {
		return err
	}
	after, err := meta.Accessor(object)
	if err != nil {
		return err
	}
	// What an object in storage has, whatever the question says.
	if before.GetUID() == "" {
		before.SetUID(types.UID("4b5fd3a4-7d4b-4a0e-9d5b-2f3c1c0a9e11"))
	}
	before.SetResourceVersion("1")
	before.SetCreationTimestamp(metav1.Unix(1_700_000_000, 0))
	after.SetResourceVersion(before.GetResourceVersion())
	ctx := asking(how, "update", resource, subresource, version, after)
	before.SetNamespace(after.GetNamespace())
	return rest.BeforeUpdate(how, ctx, object, old)
}

// asking is the context of a request by a client with all rights. A missing namespace becomes "default", as clients do.
func asking(how rest.NamespaceScopedStrategy, verb, resource, subresource string, version schema.GroupVersionKind, object metav1.Object) context.Context {
	namespace := ""
	if how.NamespaceScoped() {
		if object.GetNamespace() == "" {
			object.SetNamespace(metav1.NamespaceDefault)
		}
		namespace = object.GetNamespace()
	}
	ctx := request.WithNamespace(context.Background(), namespace)
	ctx = request.WithUser(ctx, &user.DefaultInfo{Name: "oracle"})
	return request.WithRequestInfo(ctx, &request.RequestInfo{
		IsResourceRequest: true,
		Verb:              verb,
		APIPrefix:         "apis",
		APIGroup:          version.Group,
		APIVersion:        version.Version,
		Resource:          resource,
		Subresource:       subresource,
		Namespace:         namespace,
		Name:              object.GetName(),
	})
}

// answered turns the error of a request into an answer. What is not about a field, such as a namespace where none may
// be, has no field in the answer either.
func answered(err error) (answer, error) {
	if err == nil {
		return answer{}, nil
	}
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return answer{}, err
	}
	said := status.Status()
	if said.Reason == metav1.StatusReasonInternalError {
		return answer{}, err
	}
	if said.Details == nil || len(said.Details.Causes) == 0 {
		if said.Reason == metav1.StatusReasonInvalid {
			return answer{}, nil
		}
		return answer{Errors: []wrong{{Type: string(said.Reason), Detail: said.Message}}}, nil
	}
	var given answer
	for _, cause := range said.Details.Causes {
		given.Errors = append(given.Errors, wrong{cause.Field, string(cause.Type), cause.Message})
	}
	return given, nil
}

// alpha are the gates of device allocation that are off in Kubernetes 1.37.
var alpha = []featuregate.Feature{
	features.DRADerivedAttributes,
	features.DRADeviceCompatibilityGroups,
	features.DRAListTypeAttributes,
	features.DRANodeAllocatableResources,
	features.DRAOptionalNodeOperations,
	features.DRAPartitionableDevicesType,
	features.DRAResourcePoolStatus,
}

var current = "plain"

// gates sets the feature gates for a question; see README.md for the three choices.
func gates(which string) error {
	if which == current {
		return nil
	}
	if which != "plain" && which != "default" && which != "all" {
		return fmt.Errorf("unknown features %q", which)
	}
	set := []string{fmt.Sprintf("%s=%t", features.DRAFractionalCapacityRange, which != "plain")}
	for _, gate := range alpha {
		set = append(set, fmt.Sprintf("%s=%t", gate, which == "all"))
	}
	if err := utilfeature.DefaultMutableFeatureGate.Set(strings.Join(set, ",")); err != nil {
		return err
	}
	current = which
	return nil
}

// namespaces has every namespace, with the label that allows admin access.
type namespaces struct{ v1.NamespaceInterface }

func (namespaces) Get(_ context.Context, name string, _ metav1.GetOptions) (*corev1.Namespace, error) {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name:   name,
		Labels: map[string]string{resource.DRAAdminNamespaceLabelKey: "true"},
	}}, nil
}

// allowed lets everyone do everything.
type allowed struct{}

func (allowed) Authorize(context.Context, authorizer.Attributes) (authorizer.Decision, string, error) {
	return authorizer.DecisionAllow, "", nil
}
