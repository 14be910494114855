package hybrid

import (
	"errors"
	"strings"
	"testing"
)

func TestDomainVectors(t *testing.T) {
	t.Parallel()
	for _, v := range readVectors[struct {
		ID     Service
		Domain *string
	}](t, "domains.json") {
		got, err := v.ID.Domain()
		switch {
		case v.Domain == nil && !errors.Is(err, ErrNoService):
			t.Errorf("Service(%d).Domain() = %q, %v, want ErrNoService", v.ID, got, err)
		case v.Domain != nil && (err != nil || got != *v.Domain):
			t.Errorf("Service(%d).Domain() = %q, %v, want %q", v.ID, got, err, *v.Domain)
		}
		if v.ID.Valid() != (v.Domain != nil) {
			t.Errorf("Service(%d).Valid() = %v", v.ID, v.ID.Valid())
		}
	}
}

func TestWhichServicesAClientKnows(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		service Service
		known   uint
		want    bool
	}{
		{ServiceGoogle, 0, false},
		{ServiceGoogle, 1, true},
		{ServiceApple, 1, false},
		{ServiceApple, 2, true},
		{2, 100, false},
		{255, 1000, false},
		{256, 0, true},
		{DevelopmentService, 0, true},
	} {
		if got := tt.service.KnownTo(tt.known); got != tt.want {
			t.Errorf("Service(%d).KnownTo(%d) = %v, want %v", tt.service, tt.known, got, tt.want)
		}
	}
}

func TestServiceIsFoundByItsDomain(t *testing.T) {
	t.Parallel()
	for _, s := range []Service{ServiceGoogle, ServiceApple, firstHashed, DevelopmentService, 0xffff} {
		domain, err := s.Domain()
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := ServiceAt(strings.ToUpper(domain)); !ok || got != s {
			t.Errorf("ServiceAt(%s) = %d, %t, want %d", domain, got, ok, s)
		}
	}
	if s, ok := ServiceAt("relay.example"); ok {
		t.Errorf("ServiceAt(relay.example) = %d", s)
	}
}
