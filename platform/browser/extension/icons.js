// The pictures of the dialog: paths on a grid of 24, line 1.75, round ends.
'use strict';

const ICONS = {
  'this-device': '<rect x="4.5" y="4.8" width="15" height="10.4" rx="2"/><path d="M2.5 18.8h19"/>',
  'phone': '<rect x="6.5" y="2.8" width="11" height="18.4" rx="2.6"/><path d="M11 18h2"/>',
  'security-key': '<rect x="7" y="2.8" width="10" height="13.7" rx="3"/><path d="M9.5 16.5v4.7h5v-4.7"/><circle cx="12" cy="9.5" r="2.3"/>',
  'account': '<circle cx="12" cy="8" r="3.7"/><path d="M4.8 20c.9-3.7 3.7-5.6 7.2-5.6s6.3 1.9 7.2 5.6"/>',
  'radio': '<path d="M7.5 16.5a6.4 6.4 0 0 1 0-9M16.5 7.5a6.4 6.4 0 0 1 0 9M4.7 19.3a10.3 10.3 0 0 1 0-14.6M19.3 4.7a10.3 10.3 0 0 1 0 14.6"/><circle cx="12" cy="12" r="1.7" fill="currentColor"/>',
  'relay': '<rect x="4" y="4.5" width="16" height="6" rx="1.8"/><rect x="4" y="13.5" width="16" height="6" rx="1.8"/><path d="M7.5 7.5h.01M7.5 16.5h.01" stroke-width="2.4"/>',
  'globe': '<circle cx="12" cy="12" r="8.5"/><path d="M3.5 12h17M12 3.5c2.6 2.5 3.6 5.4 3.6 8.5S14.6 18 12 20.5C9.4 18 8.4 15.1 8.4 12S9.4 6 12 3.5z"/>',
  'clock': '<circle cx="12" cy="12" r="8.5"/><path d="M12 7.2V12l3.2 2"/>',
  'go': '<path d="m9.5 6 6 6-6 6"/>',
  'back': '<path d="m14.5 6-6 6 6 6"/>',
  'check': '<path d="m5 12.6 4.6 4.6L19.2 7"/>',
  'cross': '<path d="m6.5 6.5 11 11M17.5 6.5l-11 11"/>',
};

const MARK = '<path class="leaf-a" d="M4.5 4.5H11a1 1 0 0 1 1 1v21a1 1 0 0 1-1 1H4.5a2 2 0 0 1-2-2v-19a2 2 0 0 1 2-2z"/>' +
  '<path class="leaf-b" d="M21.3 4.6 28 7.2a2.3 2.3 0 0 1 1.5 2.2v18.2a1.8 1.8 0 0 1-2.5 1.7l-5.7-2.2a2 2 0 0 1-1.3-1.9V5.5a1 1 0 0 1 1.3-.9z"/>' +
  '<rect class="pin" x="13.7" y="3.5" width="4.6" height="7.2" rx="1.6"/><rect class="pin" x="13.7" y="12.4" width="4.6" height="7.2" rx="1.6"/><rect class="pin" x="13.7" y="21.3" width="4.6" height="7.2" rx="1.6"/>';

const DEVICES = '<rect class="s" x="14" y="18" width="84" height="54" rx="6"/><path class="l" d="M4 80h104"/><rect class="s" x="196" y="10" width="44" height="76" rx="9"/><path class="l" d="M212 78h12"/>';

// Larger drawings, 260 by 92.
const ART = {
  'wait': DEVICES + '<g class="a breathe"><circle cx="124" cy="46" r="4"/><circle cx="147" cy="46" r="4"/><circle cx="170" cy="46" r="4"/></g>',
  'connected': DEVICES + '<path class="al" d="M116 46h62"/><path class="al" d="m46 45 7 7 13-14"/><circle class="al" cx="218" cy="42" r="7"/><path class="al" d="M206 62c1.6-6 6-9 12-9s10.4 3 12 9"/>',
  'key': '<rect class="s" x="58" y="18" width="84" height="54" rx="6"/><path class="l" d="M48 80h104"/><rect class="s" x="160" y="34" width="48" height="26" rx="8"/><path class="l" d="M150 41h10v12h-10z"/><circle class="al breathe" cx="188" cy="47" r="6"/>',
};

const SVG = 'http://www.w3.org/2000/svg';

// drawing makes an svg element of one of the texts above.
function drawing(inner, width, height, viewBox, attributes) {
  const doc = new DOMParser().parseFromString(`<svg xmlns="${SVG}">${inner}</svg>`, 'image/svg+xml');
  const svg = document.importNode(doc.documentElement, true);
  const all = {width, height, viewBox, 'aria-hidden': 'true', ...attributes};
  for (const [name, value] of Object.entries(all)) {
    if (value !== undefined) svg.setAttribute(name, value);
  }
  return svg;
}

function icon(name, size = 24) {
  return drawing(ICONS[name] ?? '', size, size, '0 0 24 24',
    {fill: 'none', stroke: 'currentColor', 'stroke-width': '1.75', 'stroke-linecap': 'round', 'stroke-linejoin': 'round',
      class: name === 'go' || name === 'back' ? `i-${name} flip` : undefined});
}

const art = (name) => drawing(ART[name] ?? '', 260, 92, '0 0 260 92', {class: 'art'});
const mark = () => drawing(MARK, 24, 24, '0 0 32 32', {class: 'mark'});
