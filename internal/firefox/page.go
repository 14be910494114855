package firefox

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Open goes to u and waits until all of it is there.
func (b *Browser) Open(ctx context.Context, u string) error {
	return b.call(ctx, "browsingContext.navigate", map[string]any{"context": b.tab, "url": u, "wait": "complete"}, nil)
}

// Resize makes the page width by height CSS pixels.
func (b *Browser) Resize(ctx context.Context, width, height int) error {
	return b.call(ctx, "browsingContext.setViewport", map[string]any{
		"context": b.tab, "viewport": map[string]int{"width": width, "height": height},
	}, nil)
}

// Press presses a key, such as "\ue004" for the tab key (WebDriver §17.4.2).
func (b *Browser) Press(ctx context.Context, key string) error {
	return b.call(ctx, "input.performActions", map[string]any{"context": b.tab, "actions": []any{map[string]any{
		"type": "key", "id": "keyboard", "actions": []any{
			map[string]string{"type": "keyDown", "value": key}, map[string]string{"type": "keyUp", "value": key},
		},
	}}}, nil)
}

// Tab is the tab key.
const Tab = "\ue004"

// Eval evaluates an expression in the page, in a world of its own that the
// page's policy leaves alone, and decodes the JSON of its value. What it does
// counts as done by the person.
func Eval[T any](ctx context.Context, b *Browser, expression string) (v T, err error) {
	var r struct {
		Type   string `json:"type"`
		Result struct {
			Value string `json:"value"`
		} `json:"result"`
		Details struct {
			Text string `json:"text"`
		} `json:"exceptionDetails"`
	}
	err = b.call(ctx, "script.evaluate", map[string]any{
		"expression": "JSON.stringify(" + expression + ")", "awaitPromise": true, "userActivation": true,
		"target": map[string]string{"context": b.tab},
	}, &r)
	if err != nil {
		return v, err
	}
	if r.Type != "success" {
		return v, fmt.Errorf("evaluating in the page: %s", r.Details.Text)
	}
	if err := json.Unmarshal([]byte(r.Result.Value), &v); err != nil {
		return v, fmt.Errorf("reading what the page says: %w", err)
	}
	return v, nil
}

// Until waits until an expression is true in the page.
func (b *Browser) Until(ctx context.Context, expression string) error {
	for {
		// A page that is just being left cannot be asked; look again.
		ok, err := Eval[bool](ctx, b, expression)
		if err == nil && ok {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %.120s: %w (%v)", expression, context.Cause(ctx), err)
		case <-time.After(25 * time.Millisecond): // as long as a person would not notice
		}
	}
}
