package chromium

import (
	"context"
	"fmt"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/serviceworker"
	"github.com/chromedp/chromedp"
)

// StopWorkers ends the service workers, as the browser may at any time. The
// next event starts them again.
func (p *Page) StopWorkers(ctx context.Context) error {
	c := p.with(ctx)
	if _, err := chromedp.Call(c, serviceworker.Enable, cdp.Empty{}); err != nil {
		return fmt.Errorf("finding the service workers: %w", err)
	}
	if _, err := chromedp.Call(c, serviceworker.StopAllWorkers, cdp.Empty{}); err != nil {
		return fmt.Errorf("stopping the service workers: %w", err)
	}
	return nil
}
