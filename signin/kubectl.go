package signin

import (
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// execVersions are the versions of Kubernetes' protocol that are spoken here:
// they differ in their name.
var execVersions = map[string]bool{
	"client.authentication.k8s.io/v1":      true,
	"client.authentication.k8s.io/v1beta1": true,
}

// ExecCredential is what kubectl asks of a credential plugin and what it gets.
type ExecCredential struct {
	APIVersion string      `json:"apiVersion"`
	Kind       string      `json:"kind"`
	Spec       *ExecSpec   `json:"spec,omitempty"`
	Status     *ExecStatus `json:"status,omitempty"`
}

// ExecSpec is the question.
type ExecSpec struct {
	// Interactive says that the person may be asked.
	Interactive bool `json:"interactive"`
}

// ExecStatus is the answer.
type ExecStatus struct {
	Expiration string `json:"expirationTimestamp"`
	Token      string `json:"token"`
}

// ReadExecInfo reads the environment variable KUBERNETES_EXEC_INFO. Empty, which
// is how a person tries the plugin, asks for version 1, interactively.
func ReadExecInfo(text string) (ExecCredential, error) {
	if text == "" {
		return ExecCredential{APIVersion: "client.authentication.k8s.io/v1", Kind: "ExecCredential", Spec: &ExecSpec{Interactive: true}}, nil
	}
	var q ExecCredential
	if err := json.Unmarshal([]byte(text), &q); err != nil || q.Kind != "ExecCredential" {
		return q, fmt.Errorf("KUBERNETES_EXEC_INFO cannot be understood")
	}
	if !execVersions[q.APIVersion] {
		return q, fmt.Errorf("KUBERNETES_EXEC_INFO: version %q is not known here; write client.authentication.k8s.io/v1 into your kubeconfig", q.APIVersion)
	}
	return q, nil
}

// Interactive reports whether the person may be asked.
func (q ExecCredential) Interactive() bool { return q.Spec != nil && q.Spec.Interactive }

// WriteExec answers q with the ID token, which is what a Kubernetes API server
// knows how to check.
func (q ExecCredential) WriteExec(w io.Writer, t Tokens) error {
	return json.NewEncoder(w).Encode(ExecCredential{
		APIVersion: q.APIVersion, Kind: "ExecCredential",
		// A moment earlier, so that no token is sent that expires on its way.
		Status: &ExecStatus{Expiration: t.IDExpires.Add(-leeway / 2).UTC().Format(time.RFC3339), Token: t.IDToken},
	})
}
