package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	numbers "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/matchconditions"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/cel/environment"
)

var environments = environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion())

// refusals are what the ValidatingAdmissionPolicies of a question say of its object, which is created in a namespace.
func refusals(asked question) (answer, error) {
	var given answer
	for _, text := range asked.Policies {
		var policy admissionv1.ValidatingAdmissionPolicy
		if err := json.Unmarshal(text, &policy); err != nil {
			return answer{}, fmt.Errorf("policy: %w", err)
		}
		decisions, err := decisions(&policy, asked)
		if err != nil {
			return answer{}, err
		}
		for _, decision := range decisions {
			if decision.Evaluation == validating.EvalError {
				return answer{}, errors.New(decision.Message)
			}
			if decision.Action == validating.ActionDeny {
				given.Errors = append(given.Errors, wrong{policy.Name, string(decision.Reason), decision.Message})
			}
		}
	}
	return given, nil
}

func decisions(policy *admissionv1.ValidatingAdmissionPolicy, asked question) ([]validating.PolicyDecision, error) {
	object := &unstructured.Unstructured{}
	// Whole numbers are whole, as in the API server.
	if err := numbers.Unmarshal(asked.Object, &object.Object); err != nil {
		return nil, err
	}
	namespace := &corev1.Namespace{}
	if len(asked.Namespace) > 0 {
		if err := json.Unmarshal(asked.Namespace, namespace); err != nil {
			return nil, err
		}
	}
	kind := object.GroupVersionKind()
	resource, ok := resources[kind.Kind]
	if !ok {
		return nil, fmt.Errorf("no policy is about kind %q", kind.Kind)
	}
	target := schema.GroupVersionResource{Group: kind.Group, Version: kind.Version, Resource: resource}
	if !concerns(policy, target) {
		return nil, nil
	}
	attributes := admission.NewAttributesRecord(object, nil, kind, namespace.Name, object.GetName(), target, "",
		admission.Create, nil, false, &user.DefaultInfo{Name: "oracle"})
	versioned := &admission.VersionedAttributes{Attributes: attributes, VersionedKind: kind}
	versioned.UpdateObject(object)
	validator, err := compiled(policy)
	if err != nil {
		return nil, err
	}
	result := validator.Validate(context.Background(), target, versioned, nil, namespace,
		celconfig.RuntimeCELCostBudget, nil)
	return result.Decisions, nil
}

var resources = map[string]string{
	"Pod":                   "pods",
	"ResourceClaim":         "resourceclaims",
	"ResourceClaimTemplate": "resourceclaimtemplates",
}

func concerns(policy *admissionv1.ValidatingAdmissionPolicy, target schema.GroupVersionResource) bool {
	for _, rule := range policy.Spec.MatchConstraints.ResourceRules {
		if contains(rule.APIGroups, target.Group) && contains(rule.APIVersions, target.Version) &&
			contains(rule.Resources, target.Resource) {
			return true
		}
	}
	return false
}

func contains(listed []string, wanted string) bool {
	for _, one := range listed {
		if one == wanted || one == "*" {
			return true
		}
	}
	return false
}

// compiled is a policy as the API server's admission plugin makes it ready.
func compiled(policy *admissionv1.ValidatingAdmissionPolicy) (validating.Validator, error) {
	compiler, err := cel.NewCompositedCompiler(environments)
	if err != nil {
		return nil, err
	}
	known := cel.OptionalVariableDeclarations{HasAuthorizer: true}
	var variables []cel.NamedExpressionAccessor
	for _, one := range policy.Spec.Variables {
		variables = append(variables, &validating.Variable{Name: one.Name, Expression: one.Expression})
	}
	compiler.CompileAndStoreVariables(variables, known, environment.StoredExpressions)
	var conditions []cel.ExpressionAccessor
	for at := range policy.Spec.MatchConditions {
		conditions = append(conditions, (*matchconditions.MatchCondition)(&policy.Spec.MatchConditions[at]))
	}
	failure := policy.Spec.FailurePolicy
	var matcher matchconditions.Matcher
	if len(conditions) > 0 {
		matcher = matchconditions.NewMatcher(compiler.CompileCondition(conditions, known, environment.StoredExpressions),
			failure, "policy", "validate", policy.Name)
	}
	var validations []cel.ExpressionAccessor
	messages := make([]cel.ExpressionAccessor, len(policy.Spec.Validations))
	for _, one := range policy.Spec.Validations {
		validations = append(validations, &validating.ValidationCondition{
			Expression: one.Expression, Message: one.Message, Reason: one.Reason,
		})
	}
	return validating.NewValidator(
		compiler.CompileCondition(validations, known, environment.StoredExpressions),
		matcher,
		compiler.CompileCondition(nil, known, environment.StoredExpressions),
		compiler.CompileCondition(messages, known, environment.StoredExpressions),
		failure,
		nil,
	), nil
}
