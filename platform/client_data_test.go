package platform

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"cardea/webauthn"
)

// The client data that the client makes is, byte for byte, that of the text's
// own examples. Some of them add a member of their own at the end.
func TestClientDataIsThatOfTheSpecification(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("testdata/client_data.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Vectors []struct{ Name, Kind, ClientDataJSON string }
	}
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Vectors) != 30 {
		t.Fatalf("%d vectors, want 30", len(file.Vectors))
	}
	for _, v := range file.Vectors {
		var in struct {
			Challenge   webauthn.Bytes  `json:"challenge"`
			Origin      webauthn.Origin `json:"origin"`
			CrossOrigin bool            `json:"crossOrigin"`
			TopOrigin   webauthn.Origin `json:"topOrigin"`
			ExtraData   string          `json:"extraData"`
		}
		if err := json.Unmarshal([]byte(v.ClientDataJSON), &in); err != nil {
			t.Fatal(err)
		}
		by := Caller{Origin: in.Origin, SameOriginWithAncestors: !in.CrossOrigin}
		got := (&making{by: by, options: webauthn.CreationOptions{Challenge: in.Challenge}}).clientData()
		if v.Kind == "authentication" {
			got = (&using{by: by, options: webauthn.RequestOptions{Challenge: in.Challenge}}).clientData()
		}
		// Through the proxy the client does not learn the top origin.
		got.TopOrigin = in.TopOrigin
		text := string(got.JSON())
		if in.ExtraData != "" {
			text = strings.TrimSuffix(text, "}") + `,"extraData":"` + in.ExtraData + `"}`
		}
		if text != v.ClientDataJSON {
			t.Errorf("%s, %s:\n got %s\nwant %s", v.Name, v.Kind, text, v.ClientDataJSON)
		}
	}
}
